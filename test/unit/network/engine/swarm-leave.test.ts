import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import { FairleadError } from '../../../../src/lib/errors.ts';
import { createTestModel } from '../../../rig/model.ts';
import { until } from '../../../rig/until.ts';

let model: Awaited<ReturnType<typeof host>>;
beforeEach(async () => {
  model = await host();
  model.engine.joinSwarm();
  await model.engine.typeNetwork('att', undefined, true);
  await model.engine.typeNetwork('plain');
  for (const name of ['att', 'plain'])
    await until(`${name} is ours`, () => model.networks.list().some((network) => network.name === name));
  await run('c1', 'att', ['w']);
  await run('c2', 'plain', []);
  await run('c3', 'att', []);
  await model.services.publish('db.att');
  await model.services.attach('db.att', 'c3');
});
afterEach(() => model[Symbol.asyncDispose]());

async function host() {
  const created = await createTestModel({ store: new MemoryStore(), engine: true });
  const { engine } = created;
  if (!engine) throw new Error('no Engine');
  return { ...created, engine };
}

async function run(name: string, network: string, aliases: string[]): Promise<void> {
  await model.containers.create({
    name,
    image: 'x',
    networkMode: network,
    endpoints: { [network]: { aliases } },
  });
  await model.containers.start(name);
}

const placesOf = (name: string) =>
  model.containers.find(name).attachments.map(({ aliases, serviceId, endpoint }) => ({
    ...{ aliases, serviceId },
    isMade: endpoint !== undefined,
    address: serviceId && endpoint?.ipv4,
  }));

/** What the doctor says of containers; there are no devices in memory. */
async function said(): Promise<string> {
  const { findings } = await model.doctor.examine();
  return findings.flatMap(({ text }) => (text.startsWith('container ') ? text : [])).join();
}

it('what an Engine takes off its networks when it leaves a Swarm is put back, with names and service', async () => {
  const before = ['c1', 'c2', 'c3'].map(placesOf);
  expect(before.map(({ length }) => length)).toEqual([1, 1, 1]);
  await model.engine.leaveSwarm();
  expect(model.engine.calls.filter((call) => call === 'disconnect att').length).toBeGreaterThanOrEqual(2);
  await until(
    'all are back',
    () => JSON.stringify(['c1', 'c2', 'c3'].map(placesOf)),
    (places) => places === JSON.stringify(before),
  );
  const { providers } = await model.services.find('db.att');
  expect(providers).toHaveLength(1);
  expect(await said()).toBe('');
});

it('what cannot be put back the doctor says, until somebody does it', async () => {
  const { host: engine } = model.engine.side;
  const connect = engine.connect;
  engine.connect = async () => {
    throw new FairleadError('forbidden', 'not now');
  };
  await model.engine.leaveSwarm();
  await until('the doctor says so', said, (text) =>
    /container c1 of network att.*docker network connect att c1/.test(text),
  );
  engine.connect = connect;
  await until('both are back', said, (text) => text === '');
  expect(['c1', 'c3'].map((name) => placesOf(name).length)).toEqual([1, 1]);
});

it('who is taken off by a person stays off', async () => {
  await model.containers.disconnect('att', 'c1');
  await model.engine.leaveSwarm();
  await until('c3 is back', () => placesOf('c3').length === 1);
  expect(placesOf('c1')).toEqual([]);
});
