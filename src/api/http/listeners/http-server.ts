import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { HostAddress } from '../../../lib/host-address.ts';
import type { Logger } from '../../../lib/log.ts';
import { QuietLog } from '../../../lib/quiet-log.ts';
import { refuseCrossSite } from '../cross-site.ts';
import { errorBody } from '../error-body.ts';
import { answerFor } from '../error-map.ts';
import { dialectOf, splitVersion } from '../version.ts';
import { limitConnections } from './connection-limit.ts';
import { clientCertificates, noteTlsFailures, refuseUnknownClient } from './tls-clients.ts';
import { refuseUpgrade, type UpgradeHandler } from './upgrade.ts';

/** PEM texts. Only clients whose certificate `ca` has signed are served, as with dockerd's --tlsverify. */
export interface TlsKeys {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface Handlers {
  /** Milliseconds until a request must have come in whole; 0: none. */
  readonly requestTimeout: number;
  readonly request: RequestListener;
  readonly upgrade: UpgradeHandler;
}

export interface ServerOptions {
  readonly closing: AbortSignal;
  readonly log: Logger;
  /** The headers of every answer. */
  readonly headers: () => Readonly<Record<string, string>>;
}

export interface TcpOptions {
  readonly tls?: TlsKeys;
  /** `--api-name`: what else a listener is called, beside its address. */
  readonly names?: readonly string[];
}

/** Clients keep connections and reuse them much later; a reset would then be theirs to see. */
const keepAliveMs = 5 * 60_000;

/** Every client of a unix socket is trusted; on tcp each request is checked before anything else. */
export function createHttpServer(
  address: HostAddress,
  handlers: Handlers,
  options: ServerOptions,
  { tls, names = [] }: TcpOptions = {},
): Server {
  const quiet = new QuietLog((line) => options.log.warn(line));
  if (address.kind === 'unix') return serve(createServer(), handlers, options);
  const listener = { scheme: tls ? 'https' : 'http', host: address.host, names } as const;
  const refuse = (request: IncomingMessage) => {
    if (tls) refuseUnknownClient(request.socket);
    refuseCrossSite(request, listener);
  };
  const server = tls ? createSecureServer({ ...tls, ...clientCertificates }) : createServer();
  if (tls) {
    noteTlsFailures(server, quiet);
    keepHalfOpen(server);
  }
  limitConnections(server, quiet);
  return serve(server, guarded(handlers, refuse, options, quiet), options);
}

/**
 * The docker CLI sends close_notify when it has no more input, before it reads the answer. Not as an option of the server: a
 * client that leaves in the handshake would then be kept until that times out.
 */
function keepHalfOpen(server: Server): void {
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    socket.allowHalfOpen = true;
  });
}

function serve(server: Server, { requestTimeout, request, upgrade }: Handlers, { closing }: ServerOptions) {
  server.keepAliveTimeout = keepAliveMs;
  server.requestTimeout = requestTimeout;
  server.on('request', request);
  server.on('upgrade', (call, connection, head) => {
    // Node forgets a connection that it has handed over, so closing it is up to us.
    const end = () => connection.destroy();
    closing.addEventListener('abort', end);
    connection.once('close', () => closing.removeEventListener('abort', end));
    upgrade(call, connection, head);
  });
  return server;
}

/** What `refuse` throws is the answer, and in the log. Nothing of the request's body is read. */
function guarded(
  handlers: Handlers,
  refuse: (request: IncomingMessage) => void,
  { headers }: ServerOptions,
  quiet: QuietLog,
): Handlers {
  const problemOf = (request: IncomingMessage): unknown => {
    try {
      return void refuse(request);
    } catch (error) {
      const { message } = answerFor(error, 'engine');
      quiet.log(`refused a request of ${request.socket.remoteAddress}: ${message}`);
      return error;
    }
  };
  return {
    requestTimeout: handlers.requestTimeout,
    request(request, response) {
      const problem = problemOf(request);
      if (problem === undefined) return handlers.request(request, response);
      const { version, path } = splitVersion(request.url ?? '/');
      const dialect = dialectOf(request.method ?? 'GET', path, version);
      const { status, message } = answerFor(problem, dialect);
      const body = errorBody(request.url ?? '/', message, dialect);
      const ofBody = { ...body.headers, 'content-length': Buffer.byteLength(body.text) };
      response.writeHead(status, { ...headers(), ...ofBody, Connection: 'close' }).end(body.text);
    },
    upgrade(request, connection, head) {
      const problem = problemOf(request);
      if (problem === undefined) handlers.upgrade(request, connection, head);
      else refuseUpgrade(request, connection, headers(), problem);
    },
  };
}

export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A connection is idle once its answer has gone out.
  const idle = setInterval(() => server.closeIdleConnections(), 10);
  // Answers in flight get a moment to go out; a daemon that stops waits for no client.
  const timer = setTimeout(() => server.closeAllConnections(), 1000);
  await closed;
  clearInterval(idle);
  clearTimeout(timer);
}
