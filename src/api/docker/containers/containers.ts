import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Volumes } from '../../../container/volumes.ts';
import { FairleadError, withContext } from '../../../lib/errors.ts';
import { parseContainerName } from '../../../lib/names.ts';
import type { EndpointSettings, Model } from '../../../network/model.ts';
import { bodyText, decodeJson, readJson } from '../../http/body.ts';
import { flagOf, numberOf, queryOf } from '../../http/query.ts';
import { versionOf } from '../../http/version.ts';
import { lacksLabels, matchesLabels, parseFilters, requireKnown, untilFilter } from '../filters.ts';
import { requireFitting } from '../networks/endpoint-settings.ts';
import { containerCreate, parseContainerCreate } from './create/create.ts';
import { listShape, selectContainers } from './list.ts';
import { indexNetworks } from './networks.ts';
import { inspectShape } from './shape.ts';

type Ref = { Params: { ref: string } };

/** The Engine's /containers but for what streams (container-streams.ts, exec.ts). */
export function containerRoutes(app: FastifyInstance, model: Model, volumes: Volumes): void {
  readRoutes(app, model, volumes);
  createRoute(app, model);
  lifecycleRoutes(app, model);
  removalRoutes(app, model, volumes);
}

function readRoutes(app: FastifyInstance, { containers, networks, clock }: Model, volumes: Volumes): void {
  app.get('/containers/json', async (request) => {
    const query = queryOf(request);
    const find = indexNetworks(networks);
    const selected = selectContainers(query, containers.list(), find);
    const size = flagOf(query, 'size');
    return selected.map((container) =>
      listShape(container, find, versionOf(request), { volumes, withSize: size, now: clock.now() }),
    );
  });
  app.get<Ref>('/containers/:ref/json', async (request) =>
    inspectShape(
      containers.find(request.params.ref),
      { containers, volumes },
      indexNetworks(networks),
      versionOf(request),
      flagOf(queryOf(request), 'size'),
    ),
  );
}

/** @throws invalid: a name or an address that the network cannot give */
function refuseUnfitting({ networks }: Model, endpoints: Readonly<Record<string, EndpointSettings>>): void {
  for (const [ref, settings] of Object.entries(endpoints)) {
    const { name } = ref === 'default' ? networks.defaultNetwork() : { name: ref };
    try {
      requireFitting(networks.list(), name, settings);
    } catch (error) {
      throw withContext(`invalid config for network ${name}`, error);
    }
  }
}

function createRoute(app: FastifyInstance, model: Model): void {
  const { containers } = model;
  const context = { runtime: containers.runtime, find: (ref: string) => containers.find(ref) };
  app.post('/containers/create', async (request, reply) => {
    const body = readJson(request, containerCreate, 'container.CreateRequest');
    const raw = decodeJson(bodyText(request), 'invalid JSON: got EOF while reading request body');
    const parsed = parseContainerCreate(body, raw, queryOf(request).get('name'), context, versionOf(request));
    refuseUnfitting(model, parsed.request.endpoints ?? {});
    const { id } = await containers.create(parsed.request);
    return reply.code(201).send({ Id: id, Warnings: parsed.warnings });
  });
}

function lifecycleRoutes(app: FastifyInstance, { containers }: Model): void {
  app.post<Ref>('/containers/:ref/start', async (request, reply) => {
    const { id, state } = containers.find(request.params.ref);
    // 304: it runs already.
    if (state.status === 'running') return reply.code(304).send();
    await containers.start(id);
    return reply.code(204).send();
  });
  app.post<Ref>('/containers/:ref/stop', async (request, reply) => {
    const { id, spec, state, supervision } = containers.find(request.params.ref);
    const seconds = numberOf(queryOf(request), 't');
    const idle = state.status !== 'running' && !supervision?.restarting;
    // One that has just ended may be about to be started again without its record saying so yet.
    if (idle && !spec.restart) return reply.code(304).send();
    await containers.stop(id, seconds, queryOf(request).get('signal') ?? '');
    return reply.code(idle ? 304 : 204).send();
  });
  app.post<Ref>('/containers/:ref/restart', async (request, reply) => {
    const query = queryOf(request);
    await containers.restart(request.params.ref, numberOf(query, 't'), query.get('signal') ?? '');
    return reply.code(204).send();
  });
  app.post<Ref>('/containers/:ref/kill', async (request, reply) => {
    await containers.kill(request.params.ref, queryOf(request).get('signal') || 'SIGKILL');
    return reply.code(204).send();
  });
  app.post<Ref>('/containers/:ref/rename', async (request, reply) => {
    const name = queryOf(request).get('name') ?? '';
    const { id } = containers.find(request.params.ref);
    if (name === '') throw new FairleadError('invalid', 'Neither old nor new names may be empty');
    await containers.rename(id, parseContainerName(name));
    return reply.code(204).send();
  });
}

function removalRoutes(app: FastifyInstance, { containers, events, clock }: Model, volumes: Volumes): void {
  // A link's name has a slash, which clients write as it is or encoded.
  app.delete<{ Params: { ref: string; alias: string } }>(
    '/containers/:ref/:alias',
    async (request, reply) => {
      const { ref, alias } = request.params;
      return await removeNamed(`${ref}/${alias}`, queryOf(request), reply);
    },
  );
  app.delete<Ref>('/containers/:ref', async (request, reply) =>
    removeNamed(request.params.ref, queryOf(request), reply),
  );
  const removeNamed = async (ref: string, query: URLSearchParams, reply: FastifyReply) => {
    const link = /^\/?([^/]+)\/([^/]+)$/.exec(ref);
    if (link && flagOf(query, 'link')) {
      await containers.unlink(link[1] ?? '', link[2] ?? '');
      return reply.code(204).send();
    }
    const container = containers.find(ref);
    if (flagOf(query, 'link')) {
      // `docker rm --link NAME` means a link, not the container that has the name.
      throw new FairleadError('conflict', 'Conflict, cannot remove the default link name of the container');
    }
    await containers.remove(container.id, { force: flagOf(query, 'force') });
    if (flagOf(query, 'v')) volumes.removeAnonymous(container, containers.list());
    return reply.code(204).send();
  };
  app.post('/containers/prune', async (request) => {
    const filters = parseFilters(queryOf(request));
    requireKnown(filters, ['until', 'label', 'label!']);
    const until = untilFilter(filters, clock.now());
    const removed: string[] = [];
    for (const { id, created, spec, state } of [...containers.list()]) {
      if (state.status === 'running' || !matchesLabels(filters, spec.labels)) continue;
      if (!lacksLabels(filters, spec.labels)) continue;
      if (until !== undefined && Date.parse(created) >= until) continue;
      await containers.remove(id);
      removed.push(id);
    }
    events.emit({ Type: 'container', Action: 'prune', Actor: { ID: '', Attributes: { reclaimed: '0' } } });
    return { ContainersDeleted: removed.length === 0 ? null : removed, SpaceReclaimed: 0 };
  });
}
