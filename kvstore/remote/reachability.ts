import { FairleadError, messageOf } from '../../src/lib/errors.ts';
import { StoreRefusal, type StoreStatus } from '../store.ts';

/** What asks for room or rights: keys are put, or a lease is granted. One may be refused while the other is not. */
export type WriteKind = 'put' | 'lease';

interface WritesRefused {
  readonly kind: WriteKind;
  readonly since: number;
  readonly refusal: StoreRefusal;
}

/**
 * How the server stands, as seen by whatever was asked of it last: away, refusing reads, refusing writes, or well. A read
 * that succeeds says nothing of writes, nor does a deletion, so that the state does not go to and fro while they are refused.
 */
export class Reachability {
  #status: StoreStatus;
  #writesRefused: WritesRefused | undefined;
  #return = new AbortController();

  /** Reachable until something fails: a store is opened without waiting for its server. */
  constructor(name: string) {
    this.#status = { name, reachable: true, since: Date.now() };
  }

  get status(): StoreStatus {
    if (!this.#status.reachable || !this.#writesRefused) return this.#status;
    const { message, reason } = this.#writesRefused.refusal;
    return { ...this.#status, degraded: `writes are refused: ${message}`, refusal: reason };
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
  down(cause: unknown): void {
    const { name, reachable, since } = this.#status;
    this.#status = {
      name,
      reachable: false,
      since: reachable ? Date.now() : since,
      reason: oneLine(messageOf(cause)),
      ...(cause instanceof StoreRefusal ? { refusal: cause.reason } : {}),
    };
  }

  /** @returns the error for who has just asked for it */
  writesRefused(refusal: StoreRefusal, kind: WriteKind): StoreRefusal {
    const since = this.#writesRefused?.since ?? Date.now();
    this.#writesRefused = { kind, since, refusal };
    const text = `kv store ${this.#status.name} refuses writes since ${timeOf(since)}: ${refusal.message}`;
    return new StoreRefusal(refusal.reason, text, { cause: refusal });
  }

  writesTaken(kind: WriteKind): void {
    // Who may have leases need not be one who may put keys.
    if (this.#writesRefused?.kind === kind || kind === 'put') this.#writesRefused = undefined;
  }

  /** The error for a caller whose request has just failed; `more` is said at its end. */
  error(cause: unknown, more = ''): FairleadError {
    const { name, since, reason } = this.#status;
    if (cause instanceof StoreRefusal) {
      const text = `kv store ${name} refuses this node since ${timeOf(since)}: ${reason}`;
      return new StoreRefusal(cause.reason, text, { cause });
    }
    const text = `kv store ${name} is unreachable since ${timeOf(since)}: ${reason}${more}`;
    return new FairleadError('unavailable', text, { cause });
  }
}

function timeOf(since: number): string {
  return new Date(since).toISOString();
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, '; ').slice(0, 500);
}
