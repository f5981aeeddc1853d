import { Channel } from './channel.ts';
import { type Clock, systemClock } from './clock.ts';

/** One line of `GET /events`, in the Engine's shape (docker-facts 5.4). */
export interface DaemonEvent {
  readonly Type: 'network' | 'container' | 'service' | 'node' | 'daemon';
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: 'local' | 'global';
  /** Unix time in seconds. */
  readonly time: number;
  /** Unix time in nanoseconds; beyond 2^53, so the last digits are rounded. */
  readonly timeNano: number;
}

export type NewEvent = Omit<DaemonEvent, 'time' | 'timeNano' | 'scope'> & Partial<Pick<DaemonEvent, 'scope'>>;

/** How many past events `since` can reach back to. */
const kept = 1024;
/** A subscriber that lets this many wait unread is cut off, so that a slow reader costs no memory. */
const maxBacklog = 8192;

export class EventBus {
  readonly #past: DaemonEvent[] = [];
  readonly #subscribers = new Set<Channel<DaemonEvent>>();

  constructor(readonly clock: Clock = systemClock) {}

  emit(event: NewEvent): void {
    const now = this.clock.now();
    const full: DaemonEvent = { scope: 'local', ...event, time: Math.floor(now / 1000), timeNano: now * 1e6 };
    this.#past.push(full);
    if (this.#past.length > kept) this.#past.shift();
    for (const subscriber of this.#subscribers) {
      subscriber.push(full);
      if (subscriber.backlog > maxBacklog) this.#drop(subscriber);
    }
  }

  /** Kept events, oldest first. */
  past(): readonly DaemonEvent[] {
    return this.#past;
  }

  /** Events from now on, until the iteration is ended by `return()` or by falling behind. */
  subscribe(): AsyncIterableIterator<DaemonEvent> {
    const channel: Channel<DaemonEvent> = new Channel(() => this.#subscribers.delete(channel));
    this.#subscribers.add(channel);
    return channel;
  }

  #drop(subscriber: Channel<DaemonEvent>): void {
    this.#subscribers.delete(subscriber);
    subscriber.drop();
    subscriber.close();
  }
}
