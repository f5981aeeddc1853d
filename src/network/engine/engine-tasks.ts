import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';

/**
 * What this daemon asks its Engine to do of its own accord. The Engine may ask its plugin about it before it answers:
 * that is us, and listens only when the start is through. So nothing is asked before that, and nobody waits for it.
 */
export class EngineTasks {
  readonly #running = new Map<string, Promise<void>>();
  readonly #begun: Promise<void>;
  #begin: (() => void) | undefined;

  constructor(private readonly log: Logger) {
    this.#begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  /** `what` is for the log, and who it is: one that is under way or waits already is not begun again. */
  run(what: string, task: () => Promise<void>): void {
    if (this.#running.has(what)) return;
    const done = this.#begun
      .then(task)
      .catch((error: unknown) => this.log.warn({ err: error }, `${what}: ${messageOf(error)}`))
      .finally(() => this.#running.delete(what));
    this.#running.set(what, done);
  }

  begin(): void {
    this.#begin?.();
    this.#begin = undefined;
  }

  /** Those that were begun are done after it. */
  async close(): Promise<void> {
    if (!this.#begin) await Promise.all(this.#running.values());
  }
}
