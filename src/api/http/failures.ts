import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { QuietLog } from '../../lib/quiet-log.ts';

/** Answers with a 5xx: faults of the daemon or of its store. All are counted; a repeated one is logged once a minute. */
export class Failures {
  readonly #counts = new Map<number, number>();
  readonly #errors: QuietLog;

  constructor(
    private readonly log: Logger,
    /** Whether a store is unreachable: src/daemon/store-log.ts logs its loss and its return, once each. */
    private readonly isDegraded: () => boolean,
  ) {
    this.#errors = new QuietLog((line, err) => log.error({ err }, line));
  }

  /** By HTTP status, since the start. */
  get counts(): ReadonlyMap<number, number> {
    return this.#counts;
  }

  count(status: number): number {
    return this.#counts.get(status) ?? 0;
  }

  note(status: number, call: string, error: unknown): void {
    const message = messageOf(error);
    this.#counts.set(status, this.count(status) + 1);
    if (status === 503 && this.isDegraded()) this.log.debug({ err: error }, `${call}: ${message}`);
    else this.#errors.log(`${call}: ${message}`, { subject: message, err: error });
  }
}
