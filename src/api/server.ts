import { setMaxListeners } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { formatHostAddress, type HostAddress } from '../lib/host-address.ts';
import { version } from '../lib/version.ts';
import type { ApiDeps } from './deps.ts';
import { platformName } from './docker/system/system.ts';
import { experimentalRoutes } from './docker-2015/index.ts';
import { bodyLimit } from './http/body.ts';
import { errorBody } from './http/error-body.ts';
import { answerFor, type Dialect } from './http/error-map.ts';
import { withHooks } from './http/hooks.ts';
import {
  closeServer,
  createHttpServer,
  type Handlers,
  type TcpOptions,
} from './http/listeners/http-server.ts';
import { listenOn } from './http/listeners/listen.ts';
import { createUpgradeHandler, type UpgradeHandler } from './http/listeners/upgrade.ts';
import { apiVersion, dialectOf, splitVersion, urlProblem, versionProblem } from './http/version.ts';
import { withoutSchemas } from './http/without-schemas.ts';
import { forward, forwardUpgrade } from './proxy/forward.ts';
import { isForEngine } from './proxy/route-owner.ts';
import { spokenVersion } from './proxy/system.ts';
import { createEngineApi } from './routes.ts';

export type { ApiDeps, DnsControl, SystemInfo } from './deps.ts';

export interface Api {
  /** For tests: `inject` needs no port. */
  readonly app: FastifyInstance;
  /**
   * May be called for several addresses. Resolves with the one that is listened on. With keys, tcp is TLS.
   * @throws conflict | invalid | internal, as listen.ts
   */
  listen(address: HostAddress, tcp?: TcpOptions): Promise<HostAddress>;
  /** Ends streams and connections; resolves when all are gone. */
  close(): Promise<void>;
}

/** Node's own default. */
const requestMs = 300_000;

export async function createApi(deps: ApiDeps): Promise<Api> {
  const closing = new AbortController();
  // One for each stream that is open.
  setMaxListeners(0, closing.signal);
  const headers = headersOf(deps);
  const engine = createEngineApi(deps, closing.signal);
  const app = createApp(deps, headers);
  app.register(async (part) => engine.register(withErrors(part, 'engine', deps)), { prefix: '/engine' });
  app.register(async (part) => experimentalRoutes(withErrors(part, 'experimental', deps), deps), {
    prefix: '/experimental',
  });
  await app.ready();
  const upgrade = createUpgradeHandler(
    { routes: engine.upgrades, newest: () => newestVersion(deps.upstream) },
    headers,
    deps,
  );
  const servers: Server[] = [];
  return {
    app,
    async listen(address, tcp) {
      const handlers = withHooks(handlersFor(deps, app, upgrade), deps.hooks);
      const options = { closing: closing.signal, log: deps.log, headers };
      const server = createHttpServer(address, handlers, options, tcp);
      const bound = await listenOn(server, address);
      servers.push(server);
      if (bound.kind === 'tcp' && !tcp?.tls) deps.log.warn(openPortWarning(bound));
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
    routerOptions: { maxParamLength: 4096 },
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

/** Computed per answer: the Engine's API version is known only after it has been reached. */
export type Headers = () => Readonly<Record<string, string>>;

/** That a client may speak: beside an Engine, what both honour. */
function newestVersion(upstream: ApiDeps['upstream']): string {
  return upstream ? spokenVersion(upstream) : apiVersion;
}

function headersOf({ upstream }: ApiDeps): Headers {
  return () => ({
    'Api-Version': newestVersion(upstream),
    'Docker-Experimental': 'false',
    Ostype: 'linux',
    Server: `Fairlead/${version} (${platformName()})`,
  });
}

function withErrors(
  app: FastifyInstance,
  dialect: Dialect,
  { failures, upstream }: ApiDeps,
): FastifyInstance {
  app.addHook('onRequest', async (request, reply) => {
    const { version } = splitVersion(request.originalUrl);
    const newest = newestVersion(upstream);
    const problem = urlProblem(request.originalUrl) ?? (version && versionProblem(version, dialect, newest));
    if (problem) sendMessage(reply.code(400), problem, dialect);
  });
  app.addHook('onSend', async (_request, reply, payload) => plainJson(reply, payload));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { status } = answerFor(error, dialect);
    if (status >= 500) failures.note(status, `${request.method} ${request.originalUrl}`, error);
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

function sendMessage(reply: FastifyReply, message: string, dialect: Dialect): FastifyReply {
  const { headers, text } = errorBody(reply.request.originalUrl, message, dialect);
  return reply.headers(headers).send(text);
}

/** Beside an Engine, what is the Engine's does not come near our routes. */
function handlersFor({ upstream }: ApiDeps, app: FastifyInstance, upgrade: UpgradeHandler): Handlers {
  if (!upstream) return { requestTimeout: requestMs, request: app.routing, upgrade };
  const { socketPath } = upstream;
  const isTheirs = ({ method = 'GET', url = '/' }: IncomingMessage) => isForEngine(method, url);
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

/** Logged at each start: no password protects this port. */
function openPortWarning(address: HostAddress): string {
  const user = process.getuid?.() === 0 ? 'root' : 'the user of this daemon';
  return `${formatHostAddress(address)} has no authentication: every user and program of this host that reaches the port is ${user}; requests of web pages are refused, those of programs are not; use a unix socket, or TLS with client certificates (--tlsverify)`;
}
