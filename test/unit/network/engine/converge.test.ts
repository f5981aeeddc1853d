import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import { FairleadError } from '../../../../src/lib/errors.ts';
import type { EndpointSettings } from '../../../../src/network/model.ts';
import { createTestModel } from '../../../rig/model.ts';
import { until } from '../../../rig/until.ts';

type Model = Awaited<ReturnType<typeof createTestModel>>;

let model: Model;
beforeEach(async () => {
  model = await createTestModel({ store: new MemoryStore(), engine: true });
  await model.networks.create({ name: 'near', ipam: { config: [{ subnet: '10.7.0.0/24' }] } });
});
afterEach(() => model[Symbol.asyncDispose]());

const wanted = { aliases: ['w'], ipv4: '10.7.0.77' };

async function run(name: string, networkMode: string): Promise<string> {
  const endpoints = networkMode === 'near' ? { near: wanted } : {};
  const { id } = await model.containers.create({ name, image: 'x', networkMode, endpoints });
  await model.containers.start(name);
  return id;
}

/** What the Engine was asked for each of the container's networks, and which addresses it got. */
function placesOf(name: string) {
  const { attachments } = model.containers.find(name);
  return attachments.map(({ network, serviceId, aliases, ipv4, endpoint }) => ({
    ...{ network, serviceId, aliases, ipv4 },
    address: endpoint?.ipv4,
  }));
}

it('a container that is on the network already has the service’s address, and its own again afterwards', async () => {
  await run('c1', 'near');
  const before = placesOf('c1');
  const { service } = await model.services.publish('db.near');
  await model.services.attach('db.near', 'c1');
  const [attached, ...more] = placesOf('c1');
  expect([attached?.address, attached?.serviceId, more]).toEqual([service.ipv4, service.id, []]);
  await model.services.detach(service.id, 'c1');
  expect(placesOf('c1')).toEqual(before);
  expect(model.engine?.side.links.serviceWishes()).toEqual([]);
});

it('what a connect asks for is done, also on a service’s place, and again when the container has its own back', async () => {
  const { id } = await model.containers.create({ name: 'c1', image: 'x', networkMode: 'bridge' });
  await model.containers.start('c1');
  const settings = { links: ['db:store'], gatewayPriority: 7 };
  await model.containers.connect('near', 'c1', settings);
  const near = model.networks.find('near').id;
  const asked = async () => {
    const place = model.containers.find(id).attachments.find(({ network }) => network === near);
    const [endpoint] = await model.networks.endpoints(near);
    const { links, gatewayPriority } = place ?? {};
    return [links, gatewayPriority, endpoint?.links];
  };
  const { links, gatewayPriority } = settings;
  const all = [links, gatewayPriority, [{ target: 'db', alias: 'store' }]];
  // What the store says of it follows what the Engine says.
  await until('its links', asked, (found) => isDeepStrictEqual(found, all));
  const { service } = await model.services.publish('web.near');
  await model.services.attach('web.near', 'c1');
  await until('its links', asked, (found) => isDeepStrictEqual(found, all));
  await model.services.detach(service.id, 'c1');
  await until('its links', asked, (found) => isDeepStrictEqual(found, all));
});

it('what an Engine would drop without a word is refused, in one line', async () => {
  const host = model.engine?.side.host;
  if (!host) throw new Error('no Engine');
  const status = host.status();
  host.status = () => ({ ...status, version: '20.10.24', apiVersion: '1.41' });
  await run('c1', 'bridge');
  const connect = (settings: EndpointSettings) => model.containers.connect('near', 'c1', settings);
  await expect(connect({ mac: '02:00:00:00:00:77' })).rejects.toThrow(
    'a Docker Engine takes no MAC address for a connect: start the container on the network, with --mac-address',
  );
  await expect(connect({ gatewayPriority: 1 })).rejects.toThrow(
    'a gateway priority needs Docker Engine 28 (API 1.48), and this one is 20.10.24',
  );
  expect(placesOf('c1')).toHaveLength(1);
  await connect({ links: ['db:store'] });
  expect(placesOf('c1')).toHaveLength(2);
});

it('a shared service’s provider stays where it is', async () => {
  await run('c1', 'near');
  const before = placesOf('c1');
  const { service } = await model.services.publish('db.near', { shared: true });
  await model.services.attach('db.near', 'c1');
  expect((await model.services.find('db.near')).providers.map(({ ipv4 }) => ipv4)).toEqual([
    before[0]?.address,
  ]);
  await model.services.detach(service.id, 'c1');
  expect(placesOf('c1')).toEqual(before);
  expect(model.engine?.calls).toEqual([]);
});

it('an attach that the Engine refuses leaves all as it was', async () => {
  await run('c1', 'near');
  const before = placesOf('c1');
  await model.services.publish('db.near');
  const host = model.engine?.side.host;
  const connect = host?.connect;
  if (!host || !connect) throw new Error('no Engine');
  host.connect = async (...asked) => {
    host.connect = connect;
    throw new FairleadError('forbidden', `not now: ${asked[0].length}`);
  };
  await expect(model.services.attach('db.near', 'c1')).rejects.toThrow('not now: 64');
  expect(placesOf('c1')).toEqual(before);
  expect((await model.services.find('db.near')).providers).toEqual([]);
  expect(model.engine?.side.links.serviceWishes()).toEqual([]);
  await run('c2', 'bridge');
  await model.services.attach('db.near', 'c2');
  expect((await model.services.find('db.near')).providers).toHaveLength(1);
});

it('a container backs one service on a network, and leaves the network with it', async () => {
  await run('c1', 'bridge');
  await model.services.publish('db.near');
  await model.services.publish('web.near');
  await model.services.attach('db.near', 'c1');
  await expect(model.services.attach('db.near', 'c1')).rejects.toThrow('already attached to service db');
  await expect(model.services.attach('web.near', 'c1')).rejects.toThrow('backs service db on network near');
  await expect(model.containers.connect('near', 'c1')).rejects.toThrow('already exists in network near');
  await model.containers.disconnect('near', 'c1');
  expect(placesOf('c1')).toHaveLength(1);
  expect(model.engine?.side.links.serviceWishes()).toEqual([]);
});

it('who runs takes the service from who does not, and a force takes it from anybody', async () => {
  await run('c1', 'bridge');
  await run('c2', 'bridge');
  const { service } = await model.services.publish('db.near');
  await model.services.attach('db.near', 'c1');
  await model.containers.stop('c1');
  await model.services.attach('db.near', 'c2');
  expect(placesOf('c1')).toHaveLength(1);
  await model.services.unpublish(service.id, { force: true });
  expect([placesOf('c1'), placesOf('c2')].map((places) => places.length)).toEqual([1, 1]);
  expect(model.engine?.side.links.serviceWishes()).toEqual([]);
});
