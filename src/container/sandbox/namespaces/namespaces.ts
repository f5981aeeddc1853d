import type { Readable } from 'node:stream';
import { type ChildProcessWithoutNullStreams, startChild } from '../../../lib/child.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { withTimeout } from '../../../lib/with-timeout.ts';
import { childrenOf, readProc } from '../../shim/process-tree.ts';
import { identityOf, killTree, type ProcessIdentity, writeIdentity } from '../process-identity.ts';
import { tool } from '../programs.ts';
import type { ContainerPaths } from '../records/directory.ts';
import { newSource } from './fstab.ts';
import type { NamespacePlan } from './namespace-plan.ts';

/** The container that namespaces become the namespaces of. */
export interface NamespaceOwner {
  /** What is to be mounted and set is in files there (owner-files.ts). */
  readonly paths: ContainerPaths;
  /** Empty: it keeps the host's. */
  readonly hostname: string;
  readonly domainname: string;
}

/**
 * The directory is where the command finds it, at the process that hands its orders on: by its path it is covered then.
 * What is the same for all containers of a plan comes first, beside the start of the command. Then it reads the owner's
 * directory, hostname and domain name, a line each. What comes after them is the command's stdin, once all is set and
 * mounted; where that fails it has none. The hostname's file is opened while it can be: /proc/sys is locked after.
 * One `mount` for many, as each costs 2 ms. Nothing that is read stands in a command but as a word of its own.
 */
const initScript = `stage=$1 source=$2 proc=$3 devices=$4 fstab=$5 remounts=$6
shift 6
remount() {
  while IFS= read -r flags && IFS= read -r place; do
    mount -o "remount,bind,$flags" none "$place" || ! mountpoint -q "$place" || return 1
  done
}
points() {
  while IFS= read -r name; do
    case $name in */*) mkdir -p "$stage/\${name%/*}" || return 1 ;; esac
    : > "$stage/$name" || return 1
  done
}
prepare() {
  mount -t tmpfs -o nosuid,nodev,noexec,mode=755,size=65536k "$source" "$stage" && printf %s "$devices" | points &&
    printf %s "$fstab" > "$stage/.fstab" && mount --all --fstab "$stage/.fstab" && printf %s "$remounts" | remount
}
name() { [ -z "$1" ] || printf '%s\n' "$1"; }
set_all() {
  while IFS= read -r key && IFS= read -r value; do printf '%s\n' "$value" > "/proc/sys/$key" || return 1; done
}
[ -z "$proc" ] || { umount -l /proc && mount -t proc -o nosuid,nodev,noexec proc /proc; } || exit 1
exec 5>&1
{ exec 3>/proc/sys/kernel/hostname 4>/proc/sys/kernel/domainname && prepare && echo ready >&5 &&
  IFS= read -r directory && IFS= read -r hostname && IFS= read -r domain &&
  name "$hostname" >&3 && name "$domain" >&4 && cd -- "$directory" && set_all < sysctls &&
  mount --all --fstab mounts && remount < remounts &&
  exec cat 3>&- 4>&- 5>&-; } | exec "$@" 5>&-`;

/**
 * New namespaces with a command that waits in them for their owner. The processes are
 *   unshare (in the host's pid namespace; its identity is in the owner's file `process`)
 *     sh    (PID 1: sets up, then waits; collects orphans; everything dies with it)
 *       the command: the shim
 * `unshare` makes the new mounts private, so the binds are not seen on the host; --kill-child ties PID 1 to its parent. All of it ends when this
 * process does, or lets go, before the command has had its first line.
 */
export class Namespaces {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string, void>;
  readonly #patience: number;
  #said = '';
  /** Rejects with an internal error when they could not be made. */
  readonly ready: Promise<void>;

  /** `command`: absolute path and arguments. `network`: a file to enter a network namespace by; else that is new too. */
  constructor(
    command: readonly string[],
    readonly plan: NamespacePlan,
    { stage, patience }: { readonly stage: string; readonly patience: number },
    network?: string,
  ) {
    this.#patience = patience;
    const purpose = 'a container';
    const enter = network === undefined ? [] : [tool('nsenter', purpose), `--net=${network}`];
    const unshare = [
      tool('unshare', purpose),
      ...plan.namespaces,
      ...(network === undefined ? ['--net'] : []),
    ];
    const { dropsProc, devices, fstab, remounts } = plan;
    const values = [stage, newSource('stage'), dropsProc ? 'anew' : '', devices, fstab, remounts];
    const init = ['/bin/sh', '-c', initScript, 'sh', ...values];
    const [program = '', ...args] = [...enter, ...unshare, ...init, ...command];
    // NODE_EXTRA_CA_CERTS and the like would slow the shim's start.
    const env = { PATH: process.env.PATH ?? '' };
    const child = startChild([program, ...args], { cwd: '/', detached: true, env, stdio: 'pipe' });
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
   * Makes them the owner's: they can be found by its file `process` from now on.
   * @throws as `ready` and `owner`. They are gone then.
   */
  async settle(owner: () => NamespaceOwner): Promise<void> {
    try {
      await this.ready;
      const { paths, hostname, domainname } = owner();
      const lines = [paths.root, hostname, domainname].map(oneLine).join('');
      if (this.pid !== undefined) writeIdentity(paths.process, this.pid);
      this.#child.stdin.write(lines);
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
    this.#child.stdin.write(oneLine(line));
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
    // A command that is stopped does not see that its stdin has ended.
    if (this.alive && !(await withTimeout(gone, this.#patience))) this.#child.kill('SIGKILL');
    if (this.alive) await gone;
  }

  async #hearReady(): Promise<void> {
    if ((await this.#nextLine()) !== 'ready') throw this.#failure();
  }

  async #nextLine(): Promise<string | undefined> {
    // The stream is cut when they could not be started, or are let go.
    const line = this.#lines.next().catch(() => undefined);
    if (!(await withTimeout(line, this.#patience))) this.#giveUp();
    return (await line)?.value ?? undefined;
  }

  /** The kernel ends all that is in them together with PID 1, which ends with its parent. */
  #giveUp(): void {
    this.#note(`no answer within ${this.#patience / 1000} s`);
    this.#child.kill('SIGKILL');
    this.#child.stdout.destroy();
  }

  #letGo(): void {
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy();
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

/** Where one line is expected, a second would be taken for the next. @throws internal */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  if (!/[\u0000-\u001f\u007f]/.test(text)) return `${text}\n`;
  throw new FairleadError('internal', `a control character cannot be passed on: ${JSON.stringify(text)}`);
}
