import type { FastifyInstance } from 'fastify';
import type { DaemonEvent, EventBus } from '../../lib/events.ts';
import { parseFilters } from '../docker/filters.ts';
import { eventSelector } from '../docker/system/event-filters.ts';
import { eventFormat } from '../docker/system/event-format.ts';
import { type EventOptions, parseSpan, selectedEvents } from '../docker/system/events.ts';
import { queryOf } from '../http/query.ts';
import { askerOf } from '../http/shares.ts';
import { mapIterator } from '../http/streams/mapped-iterator.ts';
import { mergeIterators } from '../http/streams/merged-iterator.ts';
import { streamReply } from '../http/streams/stream.ts';
import { splitVersion } from '../http/version.ts';
import { type EngineLine, engineEvents } from './event-stream.ts';
import type { Upstream } from './upstream.ts';

/** GET /events: the Engine's events and ours, each once. */
export function eventsThroughRoute(
  app: FastifyInstance,
  bus: EventBus,
  upstream: Upstream,
  { readers, ...options }: EventOptions,
): void {
  app.get('/events', async (request, reply) => {
    using _share = readers.take(askerOf(request.socket));
    const query = queryOf(request);
    const span = parseSpan(query);
    const selects = eventSelector(parseFilters(query));
    const { version } = splitVersion(request.originalUrl);
    const path = version ? `/v${version.join('.')}/events` : '/events';
    const { contentType, lineOf, wrap } = eventFormat(request);
    const lines = mergeIterators([
      mapIterator(selectedEvents(bus, span), (event) =>
        isOursToTell(event) && selects(event) ? lineOf(event) : undefined,
      ),
      mapIterator(engineEvents(upstream.socketPath, path, query), (event) =>
        isReportedByEngine(event, upstream.driver) ? wrap(event.line) : undefined,
      ),
    ]);
    await streamReply(reply, lines, { contentType, ...options });
  });
}

/** The Engine reports its containers' events; our copies of them are dropped. */
function isOursToTell({ Type }: DaemonEvent): boolean {
  return Type !== 'container';
}

/** It speaks of our networks, too, by ids that are its own and only of this host. */
function isReportedByEngine({ event: { Type, Actor } }: EngineLine, driver: string): boolean {
  return !(Type === 'network' && Actor?.Attributes?.type === driver);
}
