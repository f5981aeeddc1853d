import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRemoteDriver } from '../../../../drivers/remote/network-driver.ts';
import { Plugins } from '../../../../drivers/remote/plugins.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { createTestModel } from '../../../rig/model.ts';
import { type PluginAnswers, PluginPlace, type RunningPlugin } from '../../../rig/plugin-server.ts';
import { until } from '../../../rig/until.ts';

const patience = { pauses: [10], limit: 300, shortLimit: 100 };
const self = { address: '192.0.2.1', self: true };
const other = { address: '192.0.2.2', self: false };

let place: PluginPlace;
beforeEach(async () => {
  place = await PluginPlace.create();
});
afterEach(() => place[Symbol.asyncDispose]());

function serve(answers: PluginAnswers = {}): Promise<RunningPlugin> {
  return place.serve(
    {
      'Plugin.Activate': { json: { Implements: ['NetworkDriver'] } },
      'NetworkDriver.GetCapabilities': { json: { Scope: 'global' } },
      ...answers,
    },
    place.socket('p'),
  );
}

/** What it was told of nodes, in order: `New 192.0.2.1 self`. */
function told({ calls }: RunningPlugin): string[] {
  return calls.flatMap(({ method, body }) => {
    const [, verb] = /^NetworkDriver\.Discover(.*)$/.exec(method) ?? [];
    if (verb === undefined) return [];
    const { DiscoveryType, DiscoveryData } = body as {
      DiscoveryType: number;
      DiscoveryData: { Address: string; self: boolean };
    };
    expect(DiscoveryType).toBe(1);
    return [`${verb} ${DiscoveryData.Address}${DiscoveryData.self ? ' self' : ''}`];
  });
}

test('a plugin is told of nodes as they come and go, once each', async () => {
  const plugin = await serve();
  const driver = createRemoteDriver(new Plugins(place.directories, patience).named('p'), silentLogger);
  await driver.setNodes?.([self]);
  await driver.setNodes?.([self, other]);
  await driver.setNodes?.([self, other]);
  await driver.setNodes?.([self]);
  expect(told(plugin)).toEqual(['New 192.0.2.1 self', 'New 192.0.2.2', 'Delete 192.0.2.2']);
});

test('after its restart it is told of all of them again', async () => {
  const first = await serve();
  const driver = createRemoteDriver(new Plugins(place.directories, patience).named('p'), silentLogger);
  await driver.setNodes?.([self, other]);
  await first.close();
  const second = await serve();
  await driver.setNodes?.([self, other]);
  expect(told(second)).toEqual(['New 192.0.2.1 self', 'New 192.0.2.2']);
});

test('one that refuses it, or does not know it, is left in peace', async () => {
  const plugin = await serve({ 'NetworkDriver.DiscoverNew': { json: { Err: 'no use' } } });
  const driver = createRemoteDriver(new Plugins(place.directories, patience).named('p'), silentLogger);
  await driver.setNodes?.([self]);
  await driver.setNodes?.([self]);
  expect(told(plugin)).toEqual(['New 192.0.2.1 self']);
});

test('the first network of a global plugin makes it known to the plugin which nodes there are', async () => {
  const plugin = await serve();
  await using model = await createTestModel({ plugins: new Plugins(place.directories, patience) });
  await model.networks.create({ name: 'foo', driver: 'p', ipam: { config: [{ subnet: '10.9.0.0/24' }] } });
  const nodes = model.nodes().map(({ advertise }) => advertise);
  await until(
    'it is told',
    () => told(plugin),
    ({ length }) => length === nodes.length,
  );
  expect(told(plugin)).toEqual(nodes.map((address) => `New ${address} self`));
});
