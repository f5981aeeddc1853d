import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { inTime } from '../../lib/in-time.ts';
import { timestamp } from '../../lib/time.ts';
import { type ExitRecord, type Request, shimFiles } from '../shim/protocol.ts';
import type { ContainerPaths } from './directory.ts';
import { hasEnded, killTree, type ProcessIdentity } from './process-identity.ts';
import { connectToShim, exitSchema, ShimConnection } from './shim-connection.ts';

interface Supervised {
  readonly outer: ProcessIdentity;
  /** Undefined when the shim had ended before it could be reached. */
  readonly connection: Promise<ShimConnection | undefined>;
  /** After `onEnd` has been told. */
  readonly ended: Promise<void>;
}

/** Milliseconds that a shim has to report a SIGKILL, and to be gone once it has ended its connection. */
const patience = 2000;
/** Exit codes of programs whose own was lost: killed together with the shim; not known at all, as after a reboot. */
const killedCode = 137;
export const unknownCode = 255;

/** The daemon's side of running commands: hears of their ends, once each, and ends them. */
export class Supervisor {
  readonly #onEnd: (id: string, exit: ExitRecord) => Promise<void>;
  readonly #shimPatience: number;
  readonly #running = new Map<string, Supervised>();
  #closed = false;

  constructor(shimPatience: number, onEnd: (id: string, exit: ExitRecord) => Promise<void>) {
    this.#shimPatience = shimPatience;
    this.#onEnd = onEnd;
  }

  outerOf(id: string): ProcessIdentity | undefined {
    return this.#running.get(id)?.outer;
  }

  /** `recorded` resolves when the container's record says that it runs: its end is not told before. */
  watch(id: string, paths: ContainerPaths, outer: ProcessIdentity, recorded: Promise<unknown>): void {
    const connection = connectToShim(paths.root, this.#shimPatience).then(
      (connected) => new ShimConnection(connected, this.#shimPatience),
      () => undefined,
    );
    const ended = this.#followToEnd(id, paths, outer, connection, recorded);
    this.#running.set(id, { outer, connection, ended });
  }

  /** After a SIGKILL it has ended, as the Engine has it. */
  async signal(id: string, signal: number): Promise<void> {
    if (signal === constants.signals.SIGKILL) await this.kill(id);
    else await this.#send(id, { signal });
  }

  /** Negative: waits as long as it takes. */
  async stop(id: string, signal: number, timeoutSeconds: number): Promise<void> {
    const running = this.#running.get(id);
    if (!running) return;
    // A silent shim must not hold up what comes after the timeout.
    void this.#send(id, { signal }).catch(() => {});
    if (timeoutSeconds < 0) return running.ended;
    if (await inTime(running.ended, timeoutSeconds * 1000)) return;
    await this.kill(id);
  }

  /** After: it has ended, and so has everything in its namespaces. */
  async kill(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (!running) return;
    void this.#send(id, { signal: constants.signals.SIGKILL }).catch(() => {});
    if (await inTime(running.ended, patience)) return;
    await killTree(running.outer);
    await running.ended;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { connection } of this.#running.values()) (await connection)?.close();
    this.#running.clear();
  }

  async #send(id: string, request: Request): Promise<void> {
    const connection = await this.#running.get(id)?.connection;
    await connection?.request(request);
  }

  async #followToEnd(
    id: string,
    paths: ContainerPaths,
    outer: ProcessIdentity,
    connection: Promise<ShimConnection | undefined>,
    recorded: Promise<unknown>,
  ): Promise<void> {
    const reported = await (await connection)?.ended;
    await recorded.catch(() => {});
    if (this.#closed) return;
    // Without a report the shim is dead, or about to be, and PID 1 of the container with it.
    if (!reported && !(await hasEnded(outer, patience))) await killTree(outer);
    const ended = this.#running.get(id);
    const lost = { exitCode: killedCode, finishedAt: timestamp(Date.now()) };
    await this.#onEnd(id, reported ?? readExitFile(paths) ?? lost);
    // Only now: who stops it meanwhile must wait until its record says so.
    if (this.#running.get(id) === ended) this.#running.delete(id);
  }
}

/** What the shim has written down; undefined while the program runs and when the shim was killed. */
export function readExitFile(paths: ContainerPaths): ExitRecord | undefined {
  try {
    return exitSchema.parse(JSON.parse(readFileSync(join(paths.root, shimFiles.exit), 'utf8')));
  } catch {
    return undefined;
  }
}
