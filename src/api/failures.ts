import type { Logger } from '../lib/log.ts';

/** How long a failure that repeats is not said again, in milliseconds. */
const quietMs = 60_000;
/** Different messages that are remembered; the oldest is forgotten first. */
const maxRemembered = 100;

interface Said {
  at: number;
  since: number;
}

/**
 * Answers that were our fault or our store's (5xx). Each is counted; the log has one that repeats once a minute, so
 * that clients who try again and again cannot fill a disk with it.
 */
export class Failures {
  readonly #counts = new Map<number, number>();
  readonly #said = new Map<string, Said>();

  constructor(
    private readonly log: Logger,
    /** Whether a store is away: its loss and its return are said elsewhere, once each. */
    private readonly isDegraded: () => boolean,
  ) {}

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
    else this.#say(call, message);
  }

  #say(call: string, message: string): void {
    const now = performance.now();
    const said = this.#said.get(message);
    if (said && now - said.at < quietMs) {
      said.since += 1;
      return;
    }
    const again = said && said.since > 0 ? ` (and ${said.since} times more since it was last said)` : '';
    this.log.error(`${call}: ${message}${again}`);
    this.#said.delete(message);
    this.#said.set(message, { at: now, since: 0 });
    for (const oldest of this.#said.keys()) if (this.#said.size > maxRemembered) this.#said.delete(oldest);
  }
}
