import type { ExecProcess, ExecSpec } from '../../../container/runtime.ts';
import { type Clock, systemClock, type Timer } from '../../../lib/clock.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { newId } from '../../../lib/ids.ts';

/** How long an ended exec can be inspected, as in the Engine; and one that nobody starts. */
const keptMs = 5 * 60_000;
const unstartedMs = 10 * 60_000;

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly privileged: boolean;
  readonly detachKeys: string;
  /** Its terminal's size: the initial one or a client's last request, which may come before the process exists. */
  size?: { readonly columns: number; readonly rows: number };
  state: 'created' | 'running' | 'exited';
  pid: number;
  exitCode: number | null;
}

/** Execs live in memory only: they belong to the daemon that started them. */
export class ExecTable {
  readonly #execs = new Map<string, Exec>();
  readonly #timers = new Map<string, Timer>();

  /** `most`: of one container at once, be they created, running or ended and kept. */
  constructor(
    private readonly most: number,
    private readonly clock: Clock = systemClock,
  ) {}

  /** The oldest ended exec makes room. @throws limited when none has */
  add(exec: Omit<Exec, 'id' | 'state' | 'pid' | 'exitCode'>): Exec {
    this.#makeRoom(exec.containerId);
    const added: Exec = { ...exec, id: newId(), state: 'created', pid: 0, exitCode: null };
    this.#execs.set(added.id, added);
    this.#forgetIn(added.id, unstartedMs);
    return added;
  }

  /** @throws not-found */
  find(id: string): Exec {
    const exec = this.#execs.get(id);
    if (!exec) throw new FairleadError('not-found', `No such exec instance: ${id}`);
    return exec;
  }

  /** Claims the one start that an exec has. @throws conflict, in the Engine's words */
  begin(exec: Exec): void {
    if (exec.state === 'created') {
      exec.state = 'running';
      this.#timers.get(exec.id)?.cancel();
      return;
    }
    const what = exec.state === 'running' ? 'is already running' : 'has already run';
    throw new FairleadError('conflict', `Error: Exec command ${exec.id} ${what}`);
  }

  async follow(exec: Exec, process: ExecProcess): Promise<void> {
    exec.pid = process.pid;
    this.end(exec, await process.exited.catch(() => 255));
  }

  end(exec: Exec, exitCode: number): void {
    exec.state = 'exited';
    exec.exitCode = exitCode;
    this.#forgetIn(exec.id, keptMs);
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
  }

  #makeRoom(containerId: string): void {
    const same = [...this.#execs.values()].filter((exec) => exec.containerId === containerId);
    if (same.length < this.most) return;
    const ended = same.find(({ state }) => state === 'exited');
    if (ended) this.#forget(ended.id);
    else
      throw new FairleadError(
        'limited',
        `too many execs: container ${containerId} has ${same.length} that have not ended, and one may not have more`,
      );
  }

  #forget(id: string): void {
    this.#timers.get(id)?.cancel();
    this.#execs.delete(id);
    this.#timers.delete(id);
  }

  #forgetIn(id: string, milliseconds: number): void {
    this.#timers.get(id)?.cancel();
    this.#timers.set(
      id,
      this.clock.after(milliseconds, () => this.#forget(id)),
    );
  }
}
