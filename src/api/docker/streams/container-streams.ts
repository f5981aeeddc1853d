import { setTimeout } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { FairleadError, kindOf, messageOf } from '../../../lib/errors.ts';
import type { Containers } from '../../../network/model.ts';
import { queryOf } from '../../http/query.ts';
import { beginStream, streamReply } from '../../http/streams/stream.ts';
import { versionOf } from '../../http/version.ts';
import { type StreamDeps, sizeOf, streamType } from './attach.ts';
import { framedLogs, parseLogQuery } from './logs.ts';

type Ref = { Params: { ref: string } };
type Condition = Parameters<Containers['wait']>[1];

const conditions: Readonly<Record<string, Condition>> = {
  '': 'not-running',
  'not-running': 'not-running',
  'next-exit': 'next-exit',
  removed: 'removed',
};

/** Logs, wait and resize of containers; attach is an upgrade (attach.ts). */
export function containerStreamRoutes(
  app: FastifyInstance,
  { containers, terminals, streams, closing }: StreamDeps,
): void {
  app.get<Ref>('/containers/:ref/logs', async (request, reply) => {
    const container = containers.find(request.params.ref);
    const query = parseLogQuery(queryOf(request));
    using _share = streams.take(container.id);
    const contentType = streamType(container.spec.tty, versionOf(request));
    const lines = await startedLogs(framedLogs(containers.runtime, container, query), query.follow);
    await streamReply(reply, lines, { contentType, closing });
  });
  app.post<Ref>('/containers/:ref/wait', async (request, reply) => {
    const text = queryOf(request).get('condition') ?? '';
    const condition = conditions[text];
    if (!condition) throw new FairleadError('invalid', `invalid condition: "${text}"`);
    const { id } = containers.find(request.params.ref);
    const exit = containers.wait(id, condition);
    // The client starts the container once it has the headers: only then does it know that we wait.
    const response = beginStream(reply, 'application/json');
    const over = () => response.destroy();
    closing.addEventListener('abort', over);
    try {
      response.end(`${JSON.stringify(await exitBody(exit))}\n`);
    } finally {
      closing.removeEventListener('abort', over);
    }
  });
  app.post<Ref>('/containers/:ref/resize', async (request, reply) => {
    const { id, state } = containers.find(request.params.ref);
    const { columns, rows } = sizeOf(queryOf(request));
    if (state.status !== 'running') throw new FairleadError('conflict', `container ${id} is not running`);
    terminals.resize(id, columns, rows);
    return reply.code(200).send();
  });
}

async function exitBody(exit: Promise<number>): Promise<unknown> {
  try {
    return { StatusCode: await exit };
  } catch (error) {
    return { StatusCode: kindOf(error) === 'not-found' ? 0 : 1, Error: { Message: messageOf(error) } };
  }
}

/** How long a followed log may be silent before its status is sent all the same. */
const silenceMs = 50;

/**
 * Asks for the first line before the status is sent, so that a log that cannot be read is an error and not
 * an empty one.
 */
async function startedLogs(lines: AsyncIterator<Buffer>, follow: boolean): Promise<AsyncIterator<Buffer>> {
  const first = lines.next();
  await (follow ? Promise.race([first, setTimeout(silenceMs)]) : first);
  let pending: Promise<IteratorResult<Buffer>> | undefined = first;
  return {
    next() {
      const result = pending ?? lines.next();
      pending = undefined;
      return result;
    },
    return: async () => (await lines.return?.()) ?? { done: true, value: undefined },
  };
}
