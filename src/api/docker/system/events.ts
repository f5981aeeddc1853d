import type { FastifyInstance } from 'fastify';
import { FairleadError } from '../../../lib/errors.ts';
import type { DaemonEvent, EventBus } from '../../../lib/events.ts';
import { queryOf, timeOf } from '../../http/query.ts';
import { askerOf, type Shares } from '../../http/shares.ts';
import { mapIterator } from '../../http/streams/mapped-iterator.ts';
import { streamReply } from '../../http/streams/stream.ts';
import { parseFilters } from '../filters.ts';
import { eventSelector } from './event-filters.ts';
import { eventFormat } from './event-format.ts';

/** setTimeout takes 31 bits of milliseconds; a client does not stay longer. */
export const maxTimerMs = 2 ** 31 - 1;

export interface Span {
  /** Unix time in seconds. */
  readonly since?: number;
  readonly until?: number;
}

export interface EventOptions {
  readonly closing: AbortSignal;
  /** The shares of all readers of events. */
  readonly readers: Shares;
  /** How long a client may take nothing while events wait for it. */
  readonly stallMs?: number;
}

/** GET /events: one JSON object a line; a reader that falls behind is cut off (src/lib/events.ts). */
export function eventRoutes(
  app: FastifyInstance,
  bus: EventBus,
  { readers, ...options }: EventOptions,
): void {
  app.get('/events', async (request, reply) => {
    using _share = readers.take(askerOf(request.socket));
    const query = queryOf(request);
    const span = parseSpan(query);
    const selects = eventSelector(parseFilters(query));
    const { contentType, lineOf } = eventFormat(request);
    const lines = mapIterator(selectedEvents(bus, span), (event) =>
      selects(event) ? lineOf(event) : undefined,
    );
    await streamReply(reply, lines, { contentType, ...options });
  });
}

/** @throws invalid, in the Engine's words (docker-facts 5.4) */
export function parseSpan(query: URLSearchParams): Span {
  const since = timeOf(query, 'since');
  const until = timeOf(query, 'until');
  if (since !== undefined && until !== undefined && since > until) {
    throw new FairleadError(
      'invalid',
      `\`since\` time (${query.get('since')}) cannot be after \`until\` time (${query.get('until')})`,
    );
  }
  return { ...(since !== undefined && { since }), ...(until !== undefined && { until }) };
}

/** Kept events from `since` on, then those to come, until `until`. */
export function selectedEvents(bus: EventBus, { since, until }: Span): AsyncIterator<DaemonEvent> {
  const inSpan = ({ timeNano }: DaemonEvent) => until === undefined || timeNano / 1e9 <= until;
  // Without `since` only an `until` in the past asks for what was.
  const from =
    since ?? (until !== undefined && until * 1000 < bus.clock.now() ? 0 : Number.POSITIVE_INFINITY);
  const past = bus.past().filter((event) => event.timeNano / 1e9 >= from && inSpan(event));
  const live = bus.subscribe();
  const stop = () => void live.return?.();
  const left = until === undefined ? undefined : until * 1000 - bus.clock.now();
  if (left !== undefined && left <= 0) stop();
  const timer =
    left === undefined || left <= 0 ? undefined : bus.clock.after(Math.min(left, maxTimerMs), stop);
  return mapIterator(
    {
      async next() {
        const event = past.shift();
        return event ? { done: false, value: event } : live.next();
      },
      return: async () => (await live.return?.()) ?? { done: true, value: undefined },
    },
    (event) => event,
    () => timer?.cancel(),
  );
}
