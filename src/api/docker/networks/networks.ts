import type { FastifyInstance } from 'fastify';
import { FairleadError } from '../../../lib/errors.ts';
import { dnsWarning } from '../../../lib/names.ts';
import type { Model } from '../../../network/model.ts';
import { go } from '../../go/json.ts';
import { readJson } from '../../http/body.ts';
import { queryOf, strictFlagOf } from '../../http/query.ts';
import { isBefore, versionOf } from '../../http/version.ts';
import type { RefreshContainer } from '../../proxy/refresh-container.ts';
import { lacksLabels, matchesLabels, parseFilters, requireKnown, untilFilter } from '../filters.ts';
import { networkCreate, parseNetworkCreate } from './create.ts';
import { endpointSettings, parseEndpointSettings, requireFitting } from './endpoint-settings.ts';
import { selectNetworks } from './filters.ts';
import { createNetworkListBody } from './list.ts';
import { networkShape, statusText } from './shape.ts';

type Ref = { Params: { ref: string } };

const connectRequest = go.object('types.NetworkConnect', {
  Container: go.text(),
  EndpointConfig: endpointSettings,
});
const disconnectRequest = go.object('types.NetworkDisconnect', { Container: go.text(), Force: go.flag() });

/** The Engine's /networks: seven calls (docker-facts 5.1). */
export function networkRoutes(app: FastifyInstance, model: Model, refresh: RefreshContainer): void {
  readRoutes(app, model);
  writeRoutes(app, model);
  connectionRoutes(app, model, refresh);
}

function readRoutes(app: FastifyInstance, { networks }: Model): void {
  const bodyOf = createNetworkListBody();
  for (const path of ['/networks', '/networks/']) {
    app.get(path, async (request, reply) => {
      const version = versionOf(request);
      const selected = selectNetworks(
        parseFilters(queryOf(request)),
        networks.list().map((network) => networks.shown(network)),
      );
      // From 1.28 on the list leaves the containers out: they cost a look at every endpoint.
      if (!isBefore(version, '1.28')) return reply.type('application/json').send(bodyOf(selected, version));
      return Promise.all(
        selected.map(async (network) =>
          networkShape(network, version, await networks.endpoints(networks.find(network.id).id)),
        ),
      );
    });
  }
  app.get<Ref>('/networks/:ref', async (request, reply) => {
    const query = queryOf(request);
    strictFlagOf(query, 'verbose');
    const network = networks.find(request.params.ref);
    const scope = query.get('scope') ?? '';
    if (scope !== '' && scope !== network.scope) {
      throw new FairleadError('not-found', `network ${request.params.ref} not found`);
    }
    const version = versionOf(request);
    const shape = networkShape(networks.shown(network), version, await networks.endpoints(network.id));
    if (isBefore(version, '1.52')) return shape;
    const status = statusText(await networks.addressUsage(network.id));
    return reply.type('application/json').send(`${JSON.stringify(shape).slice(0, -1)},"Status":${status}}\n`);
  });
}

function writeRoutes(app: FastifyInstance, { networks, events, clock }: Model): void {
  app.post('/networks/create', async (request, reply) => {
    const body = readJson(request, networkCreate, 'types.NetworkCreateRequest');
    const network = await networks.create(parseNetworkCreate(body, versionOf(request)));
    return reply.code(201).send({ Id: networks.shown(network).id, Warning: dnsWarning(network) });
  });
  app.delete<Ref>('/networks/:ref', async (request, reply) => {
    await networks.remove(request.params.ref);
    return reply.code(204).send();
  });
  app.post('/networks/prune', async (request) => {
    const filters = parseFilters(queryOf(request));
    requireKnown(filters, ['until', 'label', 'label!']);
    const until = untilFilter(filters, clock.now());
    const removed = await networks.prune(
      ({ labels, created }) =>
        matchesLabels(filters, labels) &&
        lacksLabels(filters, labels) &&
        (until === undefined || Date.parse(created) < until),
    );
    events.emit({ Type: 'network', Action: 'prune', Actor: { ID: '', Attributes: { reclaimed: '0' } } });
    return { NetworksDeleted: removed.length === 0 ? null : removed.map(({ name }) => name) };
  });
}

function connectionRoutes(
  app: FastifyInstance,
  { containers, networks }: Model,
  refresh: RefreshContainer,
): void {
  app.post<Ref>('/networks/:ref/connect', async (request, reply) => {
    const { Container, EndpointConfig } = readJson(request, connectRequest, 'types.NetworkConnect');
    requireContainer(Container);
    await refresh(Container);
    const settings = parseEndpointSettings(EndpointConfig);
    requireFitting(networks.list(), request.params.ref, settings);
    await containers.connect(request.params.ref, Container, settings);
    return reply.code(200).send();
  });
  app.post<Ref>('/networks/:ref/disconnect', async (request, reply) => {
    const { Container, Force } = readJson(request, disconnectRequest, 'types.NetworkDisconnect');
    requireContainer(Container);
    await containers.disconnect(request.params.ref, Container, Force);
    return reply.code(200).send();
  });
}

/** @throws invalid (docker-facts 5.3 #51) */
function requireContainer(ref: string): void {
  if (ref === '') throw new FairleadError('invalid', 'invalid name or ID supplied: ""');
}
