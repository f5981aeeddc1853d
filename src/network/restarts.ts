import type { Container, RestartPolicy, Supervision } from '../container/runtime.ts';
import { messageOf } from '../lib/errors.ts';
import { never } from '../lib/time.ts';
import type { Parts } from './parts.ts';

/** Milliseconds. A container that ran for `steadyMs` is taken to be well again. The Engine's figures. */
const firstDelayMs = 100;
const maxDelayMs = 60_000;
const steadyMs = 10_000;

const untouched: Supervision = { restarts: 0, restarting: false, stopped: false };

/** Starts containers again that ended, as their restart policies ask, ever more slowly. */
export class Restarts {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #delays = new Map<string, number>();

  constructor(
    private readonly parts: Pick<Parts, 'runtime' | 'log'>,
    private readonly start: (id: string) => Promise<unknown>,
  ) {}

  /** Before: inside the container's turn, and its end is in the record. */
  async afterExit(id: string): Promise<void> {
    const container = this.parts.runtime.get(id);
    if (!container || !isWanted(container)) return;
    const { restarts } = supervisionOf(container);
    await this.#note(id, { restarts: restarts + 1, restarting: true });
    const delay = this.#delayAfter(container);
    this.#delays.set(id, delay);
    this.#later(id, delay);
  }

  /** A person ended it: the policy is silent until it is started again. */
  async stopped(id: string): Promise<void> {
    this.#forget(id);
    const { spec } = this.parts.runtime.get(id) ?? {};
    if (spec?.restart) await this.#note(id, { restarting: false, stopped: true });
  }

  /** A person started it: all counting begins anew. */
  async started(id: string): Promise<void> {
    this.#forget(id);
    const container = this.parts.runtime.get(id);
    if (container?.supervision) await this.parts.runtime.update(id, { supervision: untouched });
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
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #later(id: string, delay: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.set(
      id,
      setTimeout(() => void this.#again(id), delay),
    );
  }

  async #again(id: string): Promise<void> {
    this.#timers.delete(id);
    try {
      await this.start(id);
    } catch (error) {
      const name = this.parts.runtime.get(id)?.name ?? id;
      this.parts.log.error(`container ${name} is not started again: ${messageOf(error)}`);
    }
    try {
      await this.#note(id, { restarting: false });
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
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#delays.delete(id);
  }

  async #note(id: string, change: Partial<Supervision>): Promise<void> {
    const container = this.parts.runtime.get(id);
    if (!container) return;
    const supervision = { ...supervisionOf(container), ...change };
    if (JSON.stringify(supervision) === JSON.stringify(container.supervision)) return;
    await this.parts.runtime.update(id, { supervision });
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
