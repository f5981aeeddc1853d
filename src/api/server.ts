import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import type { HostAddress } from '../lib/host-address.ts';
import { version } from '../lib/version.ts';
import { bodyLimit } from './body.ts';
import type { ApiDeps } from './deps.ts';
import { createEngineApi } from './engine/index.ts';
import { platformName } from './engine/system.ts';
import { answerFor, type Dialect } from './error-map.ts';
import { experimentalRoutes } from './experimental/index.ts';
import { withHooks } from './hooks.ts';
import { forward, forwardUpgrade } from './host-engine/forward.ts';
import { belongsToEngine } from './host-engine/owner.ts';
import { spokenVersion } from './host-engine/system.ts';
import { listenOn } from './listen.ts';
import { createUpgradeHandler, type UpgradeHandler } from './upgrade.ts';
import { apiVersion, dialectOf, splitVersion, versionProblem } from './version.ts';
import { withoutSchemas } from './without-schemas.ts';

export type { ApiDeps, DnsControl, SystemInfo } from './deps.ts';

export interface Api {
  /** For tests: `inject` needs no port. */
  readonly app: FastifyInstance;
  /**
   * May be called for several addresses. Resolves with the one that is listened on. With keys, tcp is TLS.
   * @throws conflict | invalid | internal, as listen.ts
   */
  listen(address: HostAddress, tls?: TlsKeys): Promise<HostAddress>;
  /** Ends streams and connections; resolves when all are gone. */
  close(): Promise<void>;
}

/** Clients keep connections and reuse them much later; a reset would then be theirs to see. */
const keepAliveMs = 5 * 60_000;
/** Node's own default. */
const requestMs = 300_000;

export async function createApi(deps: ApiDeps): Promise<Api> {
  const closing = new AbortController();
  const headers = headersOf(deps);
  const engine = createEngineApi(deps, closing.signal);
  const app = createApp(deps, headers);
  app.register(async (part) => engine.register(withErrors(part, 'engine', deps)), { prefix: '/engine' });
  app.register(async (part) => experimentalRoutes(withErrors(part, 'experimental', deps), deps), {
    prefix: '/experimental',
  });
  await app.ready();
  const upgrade = createUpgradeHandler(engine.upgrades, headers, deps.log);
  const servers: Server[] = [];
  return {
    app,
    async listen(address, tls) {
      const keys = address.kind === 'tcp' ? tls : undefined;
      const server = createHttpServer(
        withHooks(handlersFor(deps, app, upgrade), deps.hooks),
        closing.signal,
        keys,
      );
      const bound = await listenOn(server, address);
      servers.push(server);
      return bound;
    },
    async close() {
      closing.abort();
      engine.close();
      await Promise.all(servers.splice(0).map(closeServer));
      await app.close();
    },
  };
}

/** Every path is put below its dialect's prefix, so no path a client sends can name a prefix itself. */
function createApp({ log }: ApiDeps, headers: Headers): FastifyInstance {
  const app = fastify({
    ...withoutSchemas,
    bodyLimit,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1024 },
    rewriteUrl(request) {
      const { version, path } = splitVersion(request.url ?? '/');
      return `/${dialectOf(request.method ?? 'GET', path, version)}${path}`;
    },
    frameworkErrors(error, _request, reply) {
      reply.headers(headers());
      sendError(reply, error, 'engine');
    },
  });
  app.removeAllContentTypeParsers();
  // Bodies are read as text by who knows what they must be (body.ts).
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(headers());
    log.debug({ method: request.method, url: request.originalUrl }, 'request');
  });
  return app;
}

/** Made anew for each answer: what an Engine behind us speaks is known once it has been reached. */
export type Headers = () => Readonly<Record<string, string>>;

function headersOf({ upstream }: ApiDeps): Headers {
  return () => ({
    'Api-Version': upstream ? spokenVersion(upstream) : apiVersion,
    'Docker-Experimental': 'false',
    Ostype: 'linux',
    Server: `Fairlead/${version} (${platformName()})`,
  });
}

function withErrors(app: FastifyInstance, dialect: Dialect, { failures }: ApiDeps): FastifyInstance {
  app.addHook('onRequest', async (request, reply) => {
    const { version } = splitVersion(request.originalUrl);
    const problem = version && versionProblem(version, dialect);
    if (problem) sendMessage(reply.code(400), problem, dialect);
  });
  app.addHook('onSend', async (_request, reply, payload) => plainJson(reply, payload));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { status, message } = answerFor(error, dialect);
    if (status >= 500) failures.note(status, `${request.method} ${request.originalUrl}`, message);
    return sendError(reply, error, dialect);
  });
  app.setNotFoundHandler((_request, reply) =>
    sendMessage(reply.code(404), dialect === 'engine' ? 'page not found' : '404 page not found', dialect),
  );
  return app;
}

/**
 * The docker CLI knows an error by the content type being exactly this, without the charset that Fastify
 * adds; and Go ends each JSON body with a newline.
 */
function plainJson(reply: FastifyReply, payload: unknown): unknown {
  if (!String(reply.getHeader('content-type') ?? '').startsWith('application/json')) return payload;
  reply.header('content-type', 'application/json');
  return typeof payload === 'string' && !payload.endsWith('\n') ? `${payload}\n` : payload;
}

function sendError(reply: FastifyReply, error: unknown, dialect: Dialect): FastifyReply {
  const { status, message } = answerFor(error, dialect);
  // The rest of a body too large is read and dropped: a connection closed under a sender loses him the answer.
  if (status === 413) reply.removeHeader('connection');
  return sendMessage(reply.code(status), message, dialect);
}

/** JSON for the Engine API, plain text for the experimental one; both end in a newline, as Go writes them. */
function sendMessage(reply: FastifyReply, message: string, dialect: Dialect): FastifyReply {
  if (dialect === 'experimental') return reply.type('text/plain; charset=utf-8').send(`${message}\n`);
  return reply.send({ message });
}

/** PEM texts. Only clients whose certificate `ca` has signed are served, as with dockerd's --tlsverify. */
export interface TlsKeys {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface Handlers {
  /** Milliseconds until a request must have come in whole; 0: none. */
  readonly requestTimeout: number;
  readonly request: RequestListener;
  readonly upgrade: UpgradeHandler;
}

/** Beside an Engine, what is the Engine's does not come near our routes. */
function handlersFor({ upstream }: ApiDeps, app: FastifyInstance, upgrade: UpgradeHandler): Handlers {
  if (!upstream) return { requestTimeout: requestMs, request: app.routing, upgrade };
  const { socketPath } = upstream;
  const isTheirs = ({ method = 'GET', url = '/' }: IncomingMessage) => belongsToEngine(method, url);
  return {
    // An image that is loaded into an Engine takes its time.
    requestTimeout: 0,
    request(request, response) {
      if (isTheirs(request)) void forward(request, response, socketPath);
      else app.routing(request, response);
    },
    upgrade(request, connection, head) {
      if (isTheirs(request)) forwardUpgrade(request, connection, head, socketPath);
      else upgrade(request, connection, head);
    },
  };
}

function createHttpServer(
  { requestTimeout, request, upgrade }: Handlers,
  closing: AbortSignal,
  tls: TlsKeys | undefined,
): Server {
  const options = { keepAliveTimeout: keepAliveMs, requestTimeout };
  const server = tls
    ? createSecureServer({ ...options, ...tls, ...mutualTls }, request)
    : createServer(options, request);
  server.on('upgrade', (call, connection, head) => {
    // Node forgets a connection that it has handed over, so closing it is up to us.
    const end = () => connection.destroy();
    closing.addEventListener('abort', end);
    connection.once('close', () => closing.removeEventListener('abort', end));
    upgrade(call, connection, head);
  });
  return server;
}

const mutualTls = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // Of the answers under way each one's connection is idle once it has gone out.
  const idle = setInterval(() => server.closeIdleConnections(), 10);
  // Answers under way get a moment to go out; a daemon that stops waits for no client.
  const timer = setTimeout(() => server.closeAllConnections(), 1000);
  await closed;
  clearInterval(idle);
  clearTimeout(timer);
}
