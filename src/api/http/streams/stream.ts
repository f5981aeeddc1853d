import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** A client that takes nothing for this long while more waits for it is cut off. */
const stallMs = 30_000;

export interface StreamOptions {
  readonly contentType: string;
  /** Ends the stream from our side: the daemon closes. */
  readonly closing: AbortSignal;
  readonly stallMs?: number;
}

/**
 * Answers with what the iterator yields as it comes, headers at once. Reads no faster than the client does;
 * the iterator is ended when the client leaves, stalls, or the daemon closes.
 */
export async function streamReply(
  reply: FastifyReply,
  source: AsyncIterator<string | Buffer>,
  options: StreamOptions,
): Promise<void> {
  const response = beginStream(reply, options.contentType);
  const end = () => void source.return?.();
  response.on('close', end);
  options.closing.addEventListener('abort', end);
  try {
    await copy(source, response, options);
    response.end();
  } catch {
    // The status is sent already: breaking the connection is the only way left to say that it went wrong.
    response.destroy();
  } finally {
    options.closing.removeEventListener('abort', end);
    end();
  }
}

/** Sends the headers and takes the response out of Fastify's hands. */
export function beginStream(reply: FastifyReply, contentType: string): ServerResponse {
  reply.hijack();
  reply.raw.on('error', () => {});
  reply.raw.writeHead(200, { ...headersOf(reply), 'content-type': contentType });
  reply.raw.flushHeaders();
  return reply.raw;
}

export function headersOf(reply: FastifyReply): Record<string, string> {
  const entries = Object.entries(reply.getHeaders());
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

async function copy(
  source: AsyncIterator<string | Buffer>,
  response: ServerResponse,
  { closing, stallMs: patience = stallMs }: StreamOptions,
): Promise<void> {
  while (!response.destroyed && !closing.aborted) {
    const next = await nextOrEnd(source, response, closing);
    if (!next || next.done) return;
    if (response.write(next.value)) continue;
    // The clock runs only while data wait: a quiet stream is not a stalled client.
    await once(response, 'drain', { signal: AbortSignal.any([closing, AbortSignal.timeout(patience)]) });
  }
}

/** The iterator's next value; undefined when the client or the daemon ended first. */
async function nextOrEnd(
  source: AsyncIterator<string | Buffer>,
  response: ServerResponse,
  closing: AbortSignal,
): Promise<IteratorResult<string | Buffer> | undefined> {
  let over = () => {};
  const ended = new Promise<undefined>((resolve) => {
    over = () => resolve(undefined);
    if (response.destroyed || closing.aborted) over();
  });
  response.on('close', over);
  closing.addEventListener('abort', over);
  try {
    return await Promise.race([source.next(), ended]);
  } finally {
    response.off('close', over);
    closing.removeEventListener('abort', over);
  }
}
