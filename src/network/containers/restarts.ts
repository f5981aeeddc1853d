import { isDeepStrictEqual } from 'node:util';
import type { Container, RestartPolicy, Supervision } from '../../container/runtime.ts';
import type { Timer } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { apart } from '../../lib/locks.ts';
import { SerialQueue } from '../../lib/serial-queue.ts';
import { never } from '../../lib/time.ts';
import type { NetworkContext } from '../context.ts';

/** Milliseconds. A container that ran for `steadyMs` is taken to be well again. The Engine's figures. */
const firstDelayMs = 100;
const maxDelayMs = 60_000;
const steadyMs = 10_000;

const untouched: Supervision = { restarts: 0, restarting: false, stopped: false };

/** Starts containers again that ended, as their restart policies ask, ever more slowly. */
export class Restarts {
  readonly #timers = new Map<string, Timer>();
  readonly #delays = new Map<string, number>();
  /** What is remembered is read and written in one: an end, a stop and a start may come together. */
  readonly #notes = new SerialQueue();
  /** Container → the attempt that is to come. What a person does calls it off, even when its time has come. */
  readonly #attempts = new Map<string, symbol>();

  constructor(
    private readonly parts: Pick<NetworkContext, 'runtime' | 'log' | 'clock'>,
    private readonly start: (id: string, isWanted: () => boolean) => Promise<unknown>,
  ) {}

  /** Before: inside the container's turn, and its end is in the record. */
  async afterExit(id: string): Promise<void> {
    const container = this.parts.runtime.get(id);
    if (!container || !isWanted(container)) return;
    await this.#note(id, (before = untouched) => ({
      ...before,
      restarts: before.restarts + 1,
      restarting: true,
      exitCode: container.state.exitCode,
    }));
    const delay = this.#delayAfter(container);
    this.#delays.set(id, delay);
    this.#later(id, delay);
  }

  /** A person ended it: the policy is silent until it is started again. */
  async stopped(id: string): Promise<void> {
    this.#forget(id);
    const { spec } = this.parts.runtime.get(id) ?? {};
    if (!spec?.restart) return;
    await this.#note(id, (before = untouched) => ({ ...before, restarting: false, stopped: true }));
  }

  /** A person started it: all counting begins anew. */
  async started(id: string): Promise<void> {
    this.#forget(id);
    await this.#note(id, (before) => before && untouched);
  }

  /** At the daemon's start: what ran before and should run now. `always` forgets that it was stopped. */
  begin(): void {
    for (const container of this.parts.runtime.list()) {
      const { id, spec, state } = container;
      if (state.status === 'running' || state.startedAt === never) continue;
      if (spec.restart?.name === 'always' || isWanted(container)) this.#later(id, 0);
    }
  }

  close(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #later(id: string, delay: number): void {
    this.#timers.get(id)?.cancel();
    const attempt = Symbol(id);
    this.#attempts.set(id, attempt);
    const again = () => apart(() => this.#again(id, attempt));
    this.#timers.set(id, this.parts.clock.after(delay, again));
  }

  async #again(id: string, attempt: symbol): Promise<void> {
    this.#timers.delete(id);
    try {
      await this.start(id, () => this.#attempts.get(id) === attempt);
    } catch (error) {
      const name = this.parts.runtime.get(id)?.name ?? id;
      this.parts.log.error({ err: error }, `container ${name} is not started again: ${messageOf(error)}`);
    }
    try {
      // Unless it has ended again meanwhile.
      const isLast = () => this.#attempts.get(id) === attempt;
      await this.#note(id, (before) => before && (isLast() ? { ...before, restarting: false } : before));
    } catch (error) {
      this.parts.log.debug(`after the restart of ${id}: ${messageOf(error)}`);
    }
  }

  #delayAfter({ id, state }: Container): number {
    const ran = Date.parse(state.finishedAt) - Date.parse(state.startedAt);
    const last = ran >= steadyMs ? undefined : this.#delays.get(id);
    return last === undefined ? firstDelayMs : Math.min(last * 2, maxDelayMs);
  }

  #forget(id: string): void {
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
    this.#attempts.delete(id);
    this.#delays.delete(id);
  }

  async #note(
    id: string,
    change: (before: Supervision | undefined) => Supervision | undefined,
  ): Promise<void> {
    await this.#notes.run(id, async () => {
      const container = this.parts.runtime.get(id);
      const supervision = container && change(container.supervision);
      if (!supervision || isDeepStrictEqual(supervision, container.supervision)) return;
      await this.parts.runtime.update(id, { supervision });
    });
  }
}

function isWanted(container: Container): boolean {
  const { spec, state } = container;
  const { restarts, stopped } = supervisionOf(container);
  return !stopped && allows(spec.restart, state.exitCode, restarts);
}

function allows(policy: RestartPolicy | undefined, exitCode: number, restarts: number): boolean {
  if (!policy) return false;
  if (policy.name !== 'on-failure') return true;
  return exitCode !== 0 && (policy.maximumRetries === 0 || restarts < policy.maximumRetries);
}

function supervisionOf({ supervision }: Container): Supervision {
  return supervision ?? untouched;
}
