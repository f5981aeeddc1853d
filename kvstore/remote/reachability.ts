import { FairleadError } from '../../src/lib/errors.ts';
import type { StoreStatus } from '../store.ts';

/** Whether the server answers, as seen by whatever was asked of it last. */
export class Reachability {
  #status: StoreStatus;
  #return = new AbortController();

  /** Reachable until something fails: a store is opened without waiting for its server. */
  constructor(name: string) {
    this.#status = { name, reachable: true, since: Date.now() };
  }

  get status(): StoreStatus {
    return this.#status;
  }

  /** Aborted as soon as the server, away now, has answered somebody. */
  get returned(): AbortSignal {
    return this.#return.signal;
  }

  up(): void {
    if (this.#status.reachable) return;
    this.#status = { name: this.#status.name, reachable: true, since: Date.now() };
    this.#return.abort();
    this.#return = new AbortController();
  }

  /** `since` stays that of the first failure. */
  down(reason: string): void {
    const { name, reachable, since } = this.#status;
    this.#status = { name, reachable: false, since: reachable ? Date.now() : since, reason: oneLine(reason) };
  }

  /** The error for a caller whose request has just failed; `more` is said at its end. */
  error(cause: unknown, more = ''): FairleadError {
    const { name, since, reason } = this.#status;
    const time = new Date(since).toISOString();
    return new FairleadError(
      'unavailable',
      `kv store ${name} is unreachable since ${time}: ${reason}${more}`,
      {
        cause,
      },
    );
  }
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ').slice(0, 500);
}
