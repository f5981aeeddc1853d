import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { type Duplex, finished } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { engineAgent } from './agent.ts';
import { engineUnreachable } from './unreachable.ts';

/** Hop-by-hop headers (RFC 9110 7.6.1); Node writes its own. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);
/** Answered by Node before we see the request. */
const answeredHere = new Set([...hopByHop, 'expect']);

/**
 * Hands a call to the Engine and its answer back, both as they come: as slow, as long and as large as they are.
 * Never rejects; an Engine that cannot be reached is a 503.
 */
export async function forward(
  request: IncomingMessage,
  response: ServerResponse,
  socketPath: string,
): Promise<void> {
  const call = http.request({
    socketPath,
    method: request.method,
    path: request.url,
    headers: headersFor(request),
    setHost: false,
    agent: engineAgent,
  });
  // A client that leaves takes its call along: the Engine ends what was only for it (a log that is followed).
  response.once('close', () => call.destroy());
  const answered = answerOf(call);
  // An Engine that answers before it has read everything breaks this off; its answer counts.
  const sent = pipeline(request, call).catch(() => {});
  try {
    const answer = await answered;
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage, without(answer.rawHeaders, hopByHop));
    // Before the body: clients start a container once the headers of their `wait` are there.
    response.flushHeaders();
    await pipeline(answer, response);
  } catch (error) {
    refuse(response, socketPath, error);
  }
  await sent;
}

/** A body goes on as it came: with its length, or in chunks. Where there is none, the Engine wants to see that. */
function headersFor({ method = 'GET', rawHeaders, headers }: IncomingMessage): string[] {
  const kept = without(rawHeaders, answeredHere);
  if (headers['transfer-encoding'] !== undefined) return [...kept, 'Transfer-Encoding', 'chunked'];
  const silent = headers['content-length'] === undefined && ['POST', 'PUT', 'PATCH'].includes(method);
  return silent ? [...kept, 'Content-Length', '0'] : kept;
}

function answerOf(call: http.ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    call.once('response', resolve).once('error', reject);
    call.once('close', () => reject(new Error('the connection was closed')));
  });
}

/** Names and values in turn, as Node has them raw, so that spelling, order and repetitions stay. */
function without(rawHeaders: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]];
    if (!names.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

function refuse(response: ServerResponse, socketPath: string, error: unknown): void {
  if (response.headersSent) {
    // All that is left to say that it went wrong.
    response.destroy();
    return;
  }
  const body = `${JSON.stringify({ message: engineUnreachable(socketPath, error) })}\n`;
  response.writeHead(503, { 'Content-Type': 'application/json' }).end(body);
}

/**
 * The same for a call that turns its connection into a stream of its own (attach, exec, build sessions): from the
 * request's first byte on the two connections are one.
 */
export function forwardUpgrade(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  socketPath: string,
): void {
  const engine = connect({ path: socketPath, allowHalfOpen: true });
  client.on('error', () => engine.destroy());
  client.once('close', () => engine.destroy());
  // The Engine's last bytes may still be in transit to the client.
  engine.once('close', () => finished(client, { readable: false }, () => client.destroy()));
  engine.once('connect', () => {
    engine.write(headOf(request));
    engine.write(head);
    client.pipe(engine);
    engine.pipe(client);
  });
  engine.once('error', (error) => {
    if (engine.bytesRead === 0) {
      const body = `${JSON.stringify({ message: engineUnreachable(socketPath, error) })}\n`;
      const length = Buffer.byteLength(body);
      client.end(
        `HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n${body}`,
      );
    } else client.destroy();
  });
}

function headOf({ method, url, rawHeaders }: IncomingMessage): string {
  const lines: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`);
  return `${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
