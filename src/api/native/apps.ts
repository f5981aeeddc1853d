import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Apps } from '../../apps/apps.ts';
import { readJson } from '../http/body.ts';
import { createBody, processBody, propertyBody, runBody, scaleBody } from './app-bodies.ts';

/** Dokku's model: `/apps`. Messages are Dokku's, so that the CLI has only to print them. */
export function appRoutes(app: FastifyInstance, apps: Apps): void {
  app.get('/apps', async () => await apps.list());
  app.post('/apps', async (request, reply) => {
    const { name } = readJson(request, createBody, 'apps.Create');
    return reply.code(201).send(await apps.create(name));
  });
  app.get('/apps/:app', async (request) => {
    const name = appOf(request);
    const { deployed, containers } = await apps.deployed(name);
    const rows = containers.map(({ process, container: { id, name, state } }) => ({
      process,
      id,
      name,
      status: state.status,
    }));
    return { ...(await apps.get(name)), deployed, containers: rows };
  });
  app.delete('/apps/:app', async (request, reply) => {
    await apps.destroy(appOf(request));
    return reply.code(204).send();
  });
  deployRoutes(app, apps);
  networkRoutes(app, apps);
}

function deployRoutes(app: FastifyInstance, apps: Apps): void {
  app.post('/apps/:app/processes', async (request, reply) => {
    const { type, ...given } = readJson(request, processBody, 'apps.Process');
    const change = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    await apps.setProcess(appOf(request), type, change);
    return reply.code(204).send();
  });
  app.post('/apps/:app/scale', async (request) => {
    const { scale } = readJson(request, scaleBody, 'apps.Scale');
    return { steps: await apps.scale(appOf(request), scale) };
  });
  app.post('/apps/:app/rebuild', async (request) => ({ steps: await apps.rebuild(appOf(request)) }));
  app.post('/apps/:app/run', async (request, reply) => {
    const { id } = await apps.createRun(appOf(request), readJson(request, runBody, 'apps.Run'));
    return reply.code(201).send({ Id: id });
  });
}

function networkRoutes(app: FastifyInstance, apps: Apps): void {
  app.get('/apps/:app/network', async (request) => await apps.report(appOf(request)));
  app.post('/apps/:app/network', async (request) => {
    const { property, values } = readJson(request, propertyBody, 'apps.Property');
    return { value: await apps.setProperty(appOf(request), property, values) };
  });
  app.post('/apps/:app/network/rebuild', async (request) => await apps.rebuildNetwork(appOf(request)));
  app.get('/apps/:app/names', async (request) => await apps.names(appOf(request)));
}

/** `--global` in calls about all apps. */
function appOf(request: FastifyRequest): string {
  const { params } = request;
  const named = typeof params === 'object' && params !== null && 'app' in params ? params.app : '';
  return typeof named === 'string' ? named : '';
}
