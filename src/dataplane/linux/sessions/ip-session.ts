import { readFile } from 'node:fs/promises';
import type { Argv } from '../exec.ts';
import type { Command } from '../ip.ts';
import { namespacePath, settingsScript } from '../links/netns.ts';
import { type BatchProcess, BatchProcessEnded } from './batch-process.ts';
import { SessionPool } from './session-pool.ts';

/** ip(8) knows no such object, and says so in two lines. */
const dialect = {
  mark: 'fairlead',
  complaint: /Object "fairlead" is unknown, try "ip help"\.\nCommand failed -:\d+\n$/,
};

/** Side by side in the host's namespace: taking a device away waits 20 ms for the kernel (an RCU grace period). */
const mostInHost = 16;
/** Namespaces of sandboxes in which a process stays for a while; a shell makes its settings first. */
const mostSandboxes = 16;

export interface Progress {
  /** So many commands, from the first on, were done; of the next one it is not known. */
  readonly done: number;
  /** What `ip` says of the next one, where it is certain that it was not done. */
  readonly refusal?: string;
}

/** Long-lived processes that carry out the commands of `ip`, where starting one for each would not do. */
export interface IpSession {
  /** Runs commands on one process, in order, up to the first that fails and is not tolerated. */
  run(namespace: string | undefined, commands: readonly Command[]): Promise<Progress>;
  /** Has a process in the sandbox's namespace ready. */
  warmUp(namespace: string): void;
  /** As `run`, on a new process, whose start makes the namespace's settings. */
  renew(namespace: string, commands: readonly Command[]): Promise<Progress>;
  /** Names of the interfaces in the sandbox's namespace, without a question; undefined where no process is in it. */
  interfacesIn(namespace: string): Promise<readonly string[] | undefined>;
  /** Before the namespace is taken away: a process in it would keep it. */
  leave(namespace: string): Promise<void>;
  close(): Promise<void>;
}

/** `ip -batch`, one or a few processes per network namespace. */
export class IpSessions implements IpSession {
  readonly #host: SessionPool;
  readonly #sandboxes = new Map<string, SessionPool>();

  /** `enterHost`: what to begin a command with that is to run in the host's namespace. */
  constructor(enterHost: readonly string[]) {
    const [program = 'ip', ...args] = [...enterHost, 'ip', '-force', '-batch', '-'];
    this.#host = new SessionPool({ argv: [program, ...args], dialect, most: mostInHost, least: 1 });
  }

  async run(namespace: string | undefined, commands: readonly Command[]): Promise<Progress> {
    const pool = namespace === undefined ? this.#host : this.#poolOf(namespace);
    const process = await pool.take();
    const progress = await runOn(process, commands);
    if (progress.done < commands.length && progress.refusal === undefined) void pool.discard(process);
    else
      void forgetDevices(process, commands).then(
        () => pool.giveBack(process),
        () => pool.discard(process),
      );
    return progress;
  }

  warmUp(namespace: string): void {
    this.#poolOf(namespace).warmUp();
  }

  async renew(namespace: string, commands: readonly Command[]): Promise<Progress> {
    await this.leave(namespace);
    return this.run(namespace, commands);
  }

  async interfacesIn(namespace: string): Promise<readonly string[] | undefined> {
    const pid = this.#sandboxes.get(namespace)?.pid;
    if (pid === undefined) return undefined;
    const text = await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => undefined);
    // Two lines of heading; a name ends at its colon.
    return text
      ?.split('\n')
      .slice(2)
      .flatMap((line) => /^\s*([^:\s]+):/.exec(line)?.[1] ?? []);
  }

  async leave(namespace: string): Promise<void> {
    const pool = this.#sandboxes.get(namespace);
    this.#sandboxes.delete(namespace);
    await pool?.end();
  }

  async close(): Promise<void> {
    await Promise.all([this.#host.end(), ...[...this.#sandboxes.keys()].map((name) => this.leave(name))]);
  }

  #poolOf(namespace: string): SessionPool {
    const known = this.#sandboxes.get(namespace);
    // Those used last are at the end.
    this.#sandboxes.delete(namespace);
    const pool = known ?? new SessionPool({ argv: sandboxArgv(namespace), dialect, most: 1, least: 0 });
    this.#sandboxes.set(namespace, pool);
    if (this.#sandboxes.size > mostSandboxes) this.#dropOldest();
    return pool;
  }

  #dropOldest(): void {
    const oldest = [...this.#sandboxes].find(([, pool]) => pool.isIdle);
    if (oldest) void this.leave(oldest[0]);
  }
}

/** Answers that the kernel gives of a name itself, and so whatever a process remembers of it. */
const certain = /File exists/;

async function runOn(process: BatchProcess, commands: readonly Command[]): Promise<Progress> {
  let done = 0;
  try {
    for (const { words, tolerated } of commands) {
      const said = await process.ask(words.join(' '));
      if (/^Command failed/m.test(said) && !tolerated?.test(said)) {
        return certain.test(said) ? { done, refusal: said } : { done };
      }
      done += 1;
    }
  } catch (error) {
    if (!(error instanceof BatchProcessEnded)) throw error;
  }
  return { done };
}

function sandboxArgv(namespace: string): Argv {
  const script = `${settingsScript} && cd / && exec ip -force -batch -`;
  return ['nsenter', `--net=${namespacePath(namespace)}`, '/bin/sh', '-c', script];
}

/**
 * A process remembers the indices of devices by their names, longer than the devices may live. A change that
 * changes nothing makes it forget one (iplink_modify and ll_map.c of iproute2).
 */
async function forgetDevices(process: BatchProcess, commands: readonly Command[]): Promise<void> {
  const devices = new Set<string>();
  for (const { words } of commands) {
    for (const [i, word] of words.entries()) {
      const device = word === 'dev' || word === 'master' ? words[i + 1] : undefined;
      if (device === undefined) continue;
      if (words[0] === 'link' && words[1] === 'del') devices.delete(device);
      else devices.add(device);
    }
  }
  for (const device of devices) await process.ask(`link set dev ${device}`);
}
