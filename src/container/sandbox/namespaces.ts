import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { FairleadError } from '../../lib/errors.ts';
import { childrenOf, readProc } from '../shim/process-tree.ts';
import { type ContainerPaths, writeMounts } from './directory.ts';
import { identityOf, killTree, type ProcessIdentity, writeIdentity } from './process-identity.ts';
import { findTool } from './programs.ts';

/** The container that namespaces become the namespaces of. */
export interface Tenant {
  readonly paths: ContainerPaths;
  readonly hostname: string;
  readonly domainname: string;
}

/**
 * Reads the tenant's directory, hostname and domain name, a line each. What comes after them is the command's
 * stdin, once its files are mounted; where that fails it has none. One `mount` for all of them, as each costs
 * 2 ms, and all of it beside the start of the command.
 */
const initScript = `echo ready
{ IFS= read -r directory && IFS= read -r hostname && IFS= read -r domain &&
  echo "$hostname" > /proc/sys/kernel/hostname &&
  { [ -z "$domain" ] || echo "$domain" > /proc/sys/kernel/domainname; } &&
  mount --all --fstab "$directory/mounts" && exec cat; } | exec "$@"`;

/**
 * New mount, UTS and pid namespaces with a command that waits in them for a tenant. The processes are
 *   unshare (in the host's pid namespace; its identity is in the tenant's file `process`)
 *     sh    (PID 1: sets up, then waits; collects orphans; everything dies with it)
 *       the command: the shim, or for a tenant without a command a shell that sleeps
 * `ip netns exec` is not used: it mounts /sys anew and hides the cgroups. `unshare` makes the new mounts
 * private, so the binds are not seen on the host; --kill-child ties PID 1 to its parent. All of it ends when this
 * process does, or lets go, before the command has had its first line.
 */
export class Namespaces {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string, void>;
  #said = '';
  /** Rejects with an internal error when they could not be made. */
  readonly ready: Promise<void>;

  /** `command`: absolute path and arguments. `network`: a file to enter a network namespace by; else that is new too. */
  constructor(command: readonly string[], network?: string) {
    const enter = network === undefined ? [] : [tool('nsenter'), `--net=${network}`];
    const unshare = [tool('unshare'), '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const init = [...(network === undefined ? ['--net'] : []), '/bin/sh', '-c', initScript, 'sh'];
    const [program = '', ...args] = [...enter, ...unshare, ...init, ...command];
    // NODE_EXTRA_CA_CERTS and the like would slow the shim's start.
    const env = { PATH: process.env.PATH ?? '' };
    const child = spawn(program, args, { cwd: '/', detached: true, env });
    child.on('error', ({ message }) => this.#note(message));
    child.stdin.on('error', () => {});
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#note(text));
    this.#lines = linesOf(child.stdout);
    this.#child = child;
    this.ready = this.#hearReady();
    // Who never asks is not to be ended by it.
    this.ready.catch(() => {});
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  /**
   * Makes them the tenant's: they can be found by its file `process` from now on.
   * @throws as `ready`, `tenant` and `writeMounts`. They are gone then.
   */
  async settle(tenant: () => Tenant): Promise<void> {
    try {
      await this.ready;
      const { paths, hostname, domainname } = tenant();
      writeMounts(paths);
      if (this.pid !== undefined) writeIdentity(paths.process, this.pid);
      this.#child.stdin?.write(`${paths.root}\n${hostname}\n${domainname}\n`);
    } catch (error) {
      await this.end();
      throw error;
    }
  }

  /**
   * The command's answer to a line, and who runs it; the processes are on their own then.
   * @throws internal when there is none. Nothing is left then.
   */
  async ask(line: string): Promise<{ readonly answer: string; readonly outer: ProcessIdentity }> {
    const outer = this.pid === undefined ? undefined : identityOf(this.pid);
    this.#child.stdin?.write(`${line}\n`);
    const answer = await this.#nextLine();
    if (answer === undefined || !outer) {
      if (outer) await killTree(outer);
      throw this.#failure();
    }
    this.#letGo();
    this.#child.unref();
    return { answer, outer };
  }

  /** Of those that were asked nothing. After: they are gone. */
  async end(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#letGo();
    if (this.alive) await gone;
  }

  async #hearReady(): Promise<void> {
    if ((await this.#nextLine()) !== 'ready') throw this.#failure();
  }

  async #nextLine(): Promise<string | undefined> {
    // The stream is cut when they could not be started, or are let go.
    const next = await this.#lines.next().catch(() => undefined);
    return next?.value ?? undefined;
  }

  #letGo(): void {
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream?.destroy();
  }

  #note(text: string): void {
    this.#said = `${this.#said}${text}`.slice(0, 4096);
  }

  #failure(): FairleadError {
    const reason = this.#said.trim() || 'no reason given';
    return new FairleadError('internal', `the container's namespaces could not be made: ${reason}`);
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string, void> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = `${text}${chunk}`.split('\n');
    text = lines.pop() ?? '';
    yield* lines;
  }
}

/** The host's number of PID 1 in the namespaces; undefined when they are gone. */
export function initPid(outer: ProcessIdentity): number | undefined {
  return childrenOf(outer.pid)[0];
}

/** The host's number of a process that its namespaces know as `inner`. */
export function hostPid(outer: number, inner: number): number | undefined {
  for (const child of childrenOf(outer)) {
    const numbers = /^NSpid:\s+(.*)$/m.exec(readProc(child, 'status') ?? '')?.[1]?.split('\t') ?? [];
    if (numbers.length > 1 && Number(numbers.at(-1)) === inner) return child;
    const below = hostPid(child, inner);
    if (below !== undefined) return below;
  }
  return undefined;
}

/** @throws internal when it is not installed */
export function tool(name: string): string {
  const path = findTool(name);
  if (!path) throw new FairleadError('internal', `the program ${name} (util-linux) is not installed`);
  return path;
}
