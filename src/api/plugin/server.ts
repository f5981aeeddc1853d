import { createServer, type Server } from 'node:http';
import { type FastifyInstance, fastify } from 'fastify';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import type { EnginePlugin } from '../../network/plugin/plugin.ts';
import { listenOn } from '../http/listeners/listen.ts';
import { withoutSchemas } from '../http/without-schemas.ts';
import { pluginMethods } from './methods.ts';

export interface PluginServer {
  /** For tests: `inject` needs no socket. */
  readonly app: FastifyInstance;
  /** A file that a dead daemon left is replaced. @throws conflict when another plugin answers there */
  listen(socketPath: string): Promise<void>;
  close(): Promise<void>;
}

export interface PluginServerOptions {
  readonly plugin: EnginePlugin;
  readonly log: Logger;
  /** Milliseconds: an Engine waits for ever, with its locks held. */
  readonly timeoutMs?: number;
}

/**
 * The socket on which an Engine finds us as its plugin. Errors are answers of status 200, with `Err`, or for
 * addresses with `Error` (docker-facts 4.2): of other statuses the Engine shows the body as it is.
 */
export function createPluginServer({ plugin, log, timeoutMs = 10_000 }: PluginServerOptions): PluginServer {
  const app = fastify({ ...withoutSchemas, bodyLimit: 1 << 20 });
  app.removeAllContentTypeParsers();
  // Engines send no content type at all.
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.addHook('onSend', async (_request, reply) => {
    reply.header('content-type', 'application/vnd.docker.plugins.v1.2+json');
  });
  for (const [name, handle] of pluginMethods(plugin)) {
    app.post(`/${name}`, async (request) => {
      try {
        const begun = performance.now();
        const answer = await bounded(name, handle(parseBody(request.body)), timeoutMs);
        log.debug({ method: name, ms: Math.round(performance.now() - begun) }, 'plugin call');
        return JSON.stringify(answer);
      } catch (error) {
        log.warn({ err: error }, `${name}: ${messageOf(error)}`);
        const member = name.startsWith('IpamDriver.') ? 'Error' : 'Err';
        return JSON.stringify({ [member]: messageOf(error) });
      }
    });
  }
  const servers: Server[] = [];
  return {
    app,
    async listen(socketPath) {
      await app.ready();
      const server = createServer({ keepAliveTimeout: 300_000 }, app.routing);
      await listenOn(server, { kind: 'unix', path: socketPath });
      servers.push(server);
    },
    async close() {
      await Promise.all(servers.splice(0).map(closeServer));
      await app.close();
    },
  };
}

async function bounded(name: string, work: Promise<object>, timeoutMs: number): Promise<object> {
  const done = await withTimeout(work, timeoutMs);
  if (done) return await work;
  // Whatever it comes to later is put right by reconcile.
  work.catch(() => {});
  throw new Error(`${name}: no result within ${timeoutMs / 1000} s; the Fairlead daemon's log says more`);
}

function parseBody(body: unknown): unknown {
  return typeof body === 'string' && body.trim() !== '' ? JSON.parse(body) : undefined;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
}
