import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { timestamp } from '../../../lib/time.ts';
import { withTimeout } from '../../../lib/with-timeout.ts';
import { type ExitRecord, type Request, shimFiles } from '../../shim/protocol.ts';
import { hasEnded, killTree, type ProcessIdentity } from '../process-identity.ts';
import type { ContainerPaths } from '../records/directory.ts';
import { connectToShim, exitSchema, ShimConnection, silentShim } from './shim-connection.ts';

interface Supervised {
  readonly outer: ProcessIdentity;
  /** Undefined when the shim has ended before it could be reached. */
  readonly connection: Promise<ShimConnection | undefined>;
  /** After `onEnd` has been told. */
  readonly ended: Promise<void>;
}

/** Milliseconds that a shim has to report a SIGKILL, and to be gone once it has ended its connection. */
const patience = 2000;
/** Milliseconds until a shim that did not answer is asked again. */
const retryAfter = 500;
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
    const connection = this.#reach(paths, outer);
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
    tellWhenReached(running, { signal });
    if (timeoutSeconds < 0) return running.ended;
    if (await withTimeout(running.ended, timeoutSeconds * 1000)) return;
    await this.kill(id);
  }

  /** After: it has ended, and so has everything in its namespaces. */
  async kill(id: string): Promise<void> {
    const running = this.#running.get(id);
    if (!running) return;
    tellWhenReached(running, { signal: constants.signals.SIGKILL });
    if (await withTimeout(running.ended, patience)) return;
    await killTree(running.outer);
    await running.ended;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { connection } of this.#running.values()) void connection.then((shim) => shim?.close());
    this.#running.clear();
  }

  async #send(id: string, request: Request): Promise<void> {
    const running = this.#running.get(id);
    if (!running) return;
    if (!(await withTimeout(running.connection, this.#shimPatience))) throw silentShim();
    await (await running.connection)?.request(request);
  }

  /** One that is stopped, or on a machine that is, is no reason to end its container: it is asked until it answers or ends. */
  async #reach(paths: ContainerPaths, outer: ProcessIdentity): Promise<ShimConnection | undefined> {
    while (!this.#closed) {
      const connected = await connectToShim(paths.root, this.#shimPatience).catch(() => undefined);
      if (connected) return new ShimConnection(connected, this.#shimPatience);
      if (readExitFile(paths) || (await hasEnded(outer, retryAfter))) break;
    }
    return undefined;
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

/** For who does not wait for it: a silent shim must hold up nothing, and may still hear of it. */
function tellWhenReached({ connection }: Supervised, request: Request): void {
  void connection.then((shim) => shim?.request(request)).catch(() => {});
}

/** What the shim has written down; undefined while the program runs and when the shim was killed. */
export function readExitFile(paths: ContainerPaths): ExitRecord | undefined {
  try {
    return exitSchema.parse(JSON.parse(readFileSync(join(paths.root, shimFiles.exit), 'utf8')));
  } catch {
    return undefined;
  }
}
