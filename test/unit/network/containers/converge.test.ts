import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import { dnsPolicyOption } from '../../../../src/cluster/endpoints/dns-policy.ts';
import { isUnnamed } from '../../../../src/cluster/endpoints/endpoint.ts';
import { keys } from '../../../../src/cluster/keys.ts';
import type { CreateContainer } from '../../../../src/network/model.ts';
import { createTestModel } from '../../../rig/model.ts';
import { until } from '../../../rig/until.ts';

type Model = Awaited<ReturnType<typeof createTestModel>>;

interface Kind {
  readonly name: string;
  /** Ends with a running container `c1`. */
  readonly prepare: (model: Model) => Promise<unknown>;
  /** An Engine's container is created first, and attached to its services then. */
  readonly isOwnOnly?: boolean;
}

/** Every kind of attachment. */
const kinds: Kind[] = [];

const networks = ['near', 'wide'];
const start = async (model: Model, request: Partial<CreateContainer>) => {
  await model.containers.create({ name: 'c1', image: 'x', ...request });
  await model.containers.start('c1');
};
const port = { protocol: 'tcp', port: 80 } as const;
const settings = {
  aliases: ['w', 'www'],
  links: ['other:o'],
  linkLocal: ['169.254.9.9'],
  mac: '02:42:00:00:00:77',
  driverOptions: { [dnsPolicyOption]: 'ordered' },
};

for (const network of networks) {
  kinds.push(
    { name: `plain, ${network}`, prepare: (model) => start(model, { networkMode: network }) },
    {
      name: `exposed ports, ${network}`,
      prepare: (model) => start(model, { networkMode: network, exposedPorts: [port] }),
    },
    {
      name: `all settings, ${network}`,
      prepare: (model) => start(model, { networkMode: network, endpoints: { [network]: settings } }),
    },
    {
      name: `connected while it runs, ${network}`,
      async prepare(model) {
        await start(model, { exposedPorts: [port] });
        // An Engine takes no MAC address for a connect.
        const { mac, ...others } = settings;
        await model.containers.connect(network, 'c1', model.engine ? others : { ...others, mac });
      },
    },
    {
      name: `renamed, unhealthy and with other aliases, ${network}`,
      async prepare(model) {
        await start(model, { networkMode: network, exposedPorts: [port] });
        await model.containers.rename('c1', 'c2');
        await model.containers.rename('c2', 'c1');
        const { id } = model.containers.find('c1');
        if (model.engine) model.engine.setHealth(id, 'unhealthy');
        else await model.containers.setHealth('c1', 'unhealthy');
        await model.setAliases(id, { aliases: ['later'], dnsPolicy: 'sticky' }, () => true);
      },
    },
  );
  for (const shared of [false, true]) {
    for (const ports of [[], [{ protocol: 'udp', port: 53 } as const]]) {
      kinds.push({
        name: `${shared ? 'shared' : 'exclusive'} service, ${ports.length} ports of its own, ${network}`,
        async prepare(model) {
          await start(model, { exposedPorts: [port] });
          const { service } = await model.services.publish(`db.${network}`, {
            shared,
            ports,
            aliases: ['a'],
          });
          await model.services.attach(service.id, 'c1');
        },
      });
    }
    kinds.push({
      name: `${shared ? 'shared' : 'exclusive'} service of one that is on ${network} already`,
      async prepare(model) {
        await start(model, { networkMode: network, endpoints: { [network]: { aliases: ['w'] } } });
        await model.services.publish(`db.${network}`, { shared });
        await model.services.attach(`db.${network}`, 'c1');
      },
    });
  }
  kinds.push({
    name: `--publish-service, ${network}`,
    isOwnOnly: true,
    prepare: (model) => start(model, { publishServices: [`web.${network}`], exposedPorts: [port] }),
  });
}

const modes = [
  { mode: 'of a container of ours', engine: false },
  { mode: 'of an Engine’s container', engine: true },
];

describe.each(modes)('what is put again equals what was there: $mode', ({ engine }) => {
  it.each(kinds.filter(({ isOwnOnly }) => !engine || !isOwnOnly))('$name', async ({ prepare }) => {
    const stores = { store: new MemoryStore(), globalStore: new MemoryStore() };
    await using model = await createTestModel({ ...stores, engine });
    await model.networks.create({ name: 'near' });
    await model.networks.create({ name: 'wide', driver: 'overlay' });
    await prepare(model);
    const both = [stores.store, stores.globalStore];
    const read = async () => (await Promise.all(both.map((store) => store.list('endpoints/')))).flat();
    // An Engine says whose an endpoint is after its container has started.
    await until('names', async () => (await read()).every(({ value }) => !isUnnamed(JSON.parse(value))));
    const before = await read();
    expect(before.length).toBeGreaterThan(0);
    // An Engine's container keeps what the Engine said of it, and gets the rest each time anew.
    for (const { attachments } of engine ? [] : model.containers.list()) {
      for (const { endpoint } of attachments) {
        const found = before.find(
          ({ key }) => endpoint && key === keys.endpoint(endpoint.networkId, endpoint.id),
        );
        expect(endpoint).toEqual(JSON.parse(found?.value ?? 'null'));
      }
    }
    for (const store of both) {
      for (const { key } of await store.list('endpoints/')) await store.commit([], [{ op: 'delete', key }]);
    }
    expect(await read()).toEqual([]);
    await model.reconcile();
    const values = (entries: typeof before) => entries.map(({ key, value }) => [key, JSON.parse(value)]);
    expect(values(await read())).toEqual(values(before));
  });
});

describe('a stopped container whose network went', () => {
  let model: Model;
  beforeAll(async () => {
    model = await createTestModel();
  });
  afterAll(() => model[Symbol.asyncDispose]());

  const stopped = async (name: string) => {
    await model.networks.create({ name: `net-${name}` });
    await model.containers.create({ name, image: 'x', networkMode: `net-${name}` });
    await model.containers.start(name);
    await model.containers.stop(name);
    return (await model.networks.remove(`net-${name}`)).id;
  };

  it('does not start, in words that name the network', async () => {
    const gone = await stopped('ca');
    await expect(model.containers.start('ca')).rejects.toThrow(`network ${gone} not found`);
    await model.containers.disconnect('net-ca', 'ca');
    expect(model.containers.find('ca').attachments).toEqual([]);
    await expect(model.containers.disconnect('net-ca', 'ca')).rejects.toThrow('network net-ca not found');
  });

  it('leaves a network that was made anew, and starts then', async () => {
    await stopped('cb');
    await model.networks.create({ name: 'net-cb' });
    await model.containers.disconnect('net-cb', 'cb');
    expect(model.containers.find('cb').attachments).toEqual([]);
    await model.containers.start('cb');
  });

  it('is connected to one that was made anew instead of the old one', async () => {
    await stopped('cd');
    const { id } = await model.networks.create({ name: 'net-cd' });
    await model.containers.connect('net-cd', 'cd');
    await model.containers.start('cd');
    expect(model.containers.find('cd').attachments.map(({ network }) => network)).toEqual([id]);
  });
});
