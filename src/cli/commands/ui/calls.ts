import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Client } from '../../client/client.ts';
import { openStream } from '../../client/streams.ts';
import { DaemonError, Failure } from '../../failure.ts';

/** Path of the daemon's API → what it answers with. Nothing here changes anything. */
const calls: Readonly<Record<string, string>> = {
  '/info': 'application/json',
  '/fairlead/topology': 'application/json',
  '/fairlead/watch': 'text/event-stream',
  '/fairlead/doctor': 'application/json',
  '/fairlead/probe': 'application/json',
};

export function isCall(path: string): boolean {
  return Object.hasOwn(calls, path);
}

/** Hands the daemon's answer on as it comes, and lets go of the daemon when the page has left. */
export async function passOn(
  client: Client,
  url: URL,
  path: string,
  response: ServerResponse,
): Promise<void> {
  try {
    const query = Object.fromEntries(url.searchParams);
    const stream = await openStream(client, path, query);
    if (response.destroyed) return void stream.destroy();
    response.writeHead(200, { 'content-type': calls[path] ?? 'application/json' });
    response.flushHeaders();
    await pipeline(stream, response);
  } catch (error) {
    if (response.headersSent) return void response.destroy();
    const status = error instanceof DaemonError ? error.status : 502;
    const message = error instanceof Failure ? error.message : 'the daemon gave no answer';
    answer(response, status, { message });
  }
}

export function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
