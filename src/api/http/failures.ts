import type { Logger } from '../../lib/log.ts';
import { QuietLog } from '../../lib/quiet-log.ts';

/** Answers that were our fault or our store's (5xx). Each is counted; the log has one that repeats once a minute. */
export class Failures {
  readonly #counts = new Map<number, number>();
  readonly #errors: QuietLog;

  constructor(
    private readonly log: Logger,
    /** Whether a store is away: its loss and its return are said elsewhere, once each. */
    private readonly isDegraded: () => boolean,
  ) {
    this.#errors = new QuietLog((line) => log.error(line));
  }

  /** By HTTP status, since the start. */
  get counts(): ReadonlyMap<number, number> {
    return this.#counts;
  }

  count(status: number): number {
    return this.#counts.get(status) ?? 0;
  }

  note(status: number, call: string, message: string): void {
    this.#counts.set(status, this.count(status) + 1);
    if (status === 503 && this.isDegraded()) this.log.debug(`${call}: ${message}`);
    else this.#errors.say(`${call}: ${message}`, message);
  }
}
