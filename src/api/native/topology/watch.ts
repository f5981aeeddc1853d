import type { FastifyInstance } from 'fastify';
import type { Change, Feed, Reader } from '../../../cluster/topology/feed.ts';
import type { Clock, Timer } from '../../../lib/clock.ts';
import { type EventOptions, maxTimerMs } from '../../docker/system/events.ts';
import { queryOf, timeOf } from '../../http/query.ts';
import { askerOf } from '../../http/shares.ts';
import { mapIterator } from '../../http/streams/mapped-iterator.ts';
import { streamReply } from '../../http/streams/stream.ts';

interface Deps {
  readonly feed: Feed;
  readonly clock: Clock;
}

/**
 * GET /fairlead/watch: server-sent events (HTML, 9.2) of the whole cluster. The last id that a reader has comes in
 * `Last-Event-ID`, as browsers send it, or as `?after=`; what follows then is the feed's promise (src/cluster/topology/feed.ts).
 * A reader counts as one of events and is cut off as they are; with `until` it ends there.
 */
export function watchRoute(
  app: FastifyInstance,
  { feed, clock }: Deps,
  { readers, ...options }: EventOptions,
): void {
  app.get('/fairlead/watch', async (request, reply) => {
    using _share = readers.take(askerOf(request.socket));
    const header = request.headers['last-event-id'];
    const query = queryOf(request);
    const until = timeOf(query, 'until');
    const after = (typeof header === 'string' && header) || query.get('after') || undefined;
    const reader = await feed.subscribe(after);
    const timer = until === undefined ? undefined : endAt(reader, until * 1000 - clock.now(), clock);
    const messages = mapIterator(reader, message, () => timer?.cancel());
    reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    await streamReply(reply, messages, { contentType: 'text/event-stream', ...options });
  });
}

/** JSON holds no line break. */
function message({ id, kind, text }: Change): string {
  return `id: ${id}\nevent: ${kind}\ndata: ${text}\n\n`;
}

/** What waits is still sent. */
function endAt(reader: Reader, milliseconds: number, clock: Clock): Timer | undefined {
  if (milliseconds > 0) return clock.after(Math.min(milliseconds, maxTimerMs), () => reader.close());
  reader.close();
  return undefined;
}
