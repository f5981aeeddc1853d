import type { Writable } from 'node:stream';
import type { Container } from '../../../container/container.ts';
import type { LogLine, LogOptions, Runtime } from '../../../container/runtime.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { flagOf, timeOf } from '../../http/query.ts';
import { frame } from '../../http/streams/framing.ts';
import { mapIterator } from '../../http/streams/mapped-iterator.ts';

export interface LogQuery extends LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly timestamps?: boolean;
  /** The log's own attributes before each line: there are none, which leaves a space. */
  readonly details?: boolean;
}

/** @throws invalid, in the Engine's words */
export function parseLogQuery(query: URLSearchParams): LogQuery {
  const stdout = flagOf(query, 'stdout');
  const stderr = flagOf(query, 'stderr');
  if (!stdout && !stderr) {
    throw new FairleadError('invalid', 'Bad parameters: you must choose at least one stream');
  }
  const tail = query.get('tail') ?? '';
  const since = timeOf(query, 'since');
  const until = timeOf(query, 'until');
  return {
    stdout,
    stderr,
    timestamps: flagOf(query, 'timestamps'),
    details: flagOf(query, 'details'),
    follow: flagOf(query, 'follow'),
    // Whatever is not a number means all of them, `all` included.
    ...(/^\d{1,9}$/.test(tail) && { tail: Number(tail) }),
    // The clients send 0 for "no limit".
    ...(since && { since }),
    ...(until && { until }),
  };
}

/** The log in Docker's framing; raw for a terminal's. Ending the iteration ends the runtime's. */
export function framedLogs(runtime: Runtime, container: Container, query: LogQuery): AsyncIterator<Buffer> {
  const lines = runtime.logs(container.id, query)[Symbol.asyncIterator]();
  const { tty } = container.spec;
  return mapIterator(lines, (line) => (query[line.stream] ? encode(line, tty, query) : undefined));
}

function encode({ stream, time, data }: LogLine, tty: boolean, query: LogQuery): Buffer {
  const before = `${query.timestamps ? `${time} ` : ''}${query.details ? ' ' : ''}`;
  const text = before === '' ? data : Buffer.concat([Buffer.from(before), data]);
  return tty ? text : frame(stream, text);
}

/** What was logged so far, into an attached connection. */
export async function writeLogs(
  runtime: Runtime,
  container: Container,
  query: LogQuery,
  sink: Writable,
  closing: AbortSignal,
): Promise<void> {
  const logs = framedLogs(runtime, container, { ...query, follow: false });
  for (;;) {
    const next = await logs.next();
    if (next.done || closing.aborted || sink.destroyed) break;
    if (!sink.write(next.value)) await drained(sink);
  }
  await logs.return?.();
}

async function drained(sink: Writable): Promise<void> {
  await new Promise<void>((resolve) => {
    sink.once('drain', resolve).once('close', resolve);
  });
}
