import { pino } from 'pino';
import { expect, it } from 'vitest';
import { MemoryStore } from '../../../kvstore/local/memory.ts';
import type { Store, WatchEvent } from '../../../kvstore/store.ts';
import { Directory } from '../../../src/cluster/directory.ts';
import { folders, keys } from '../../../src/cluster/keys.ts';
import type { Network } from '../../../src/cluster/records.ts';
import { Channel } from '../../../src/lib/channel.ts';
import { newId } from '../../../src/lib/ids.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { until } from '../../rig/until.ts';

const network: Network = {
  ...{ id: newId(), name: 'foo', driver: 'overlay', scope: 'global', created: '2026-01-01T00:00:00Z' },
  ...{ internal: false, attachable: false, ipv6: false, options: {}, labels: {} },
  ipam: { driver: 'default', options: {}, pools: [] },
};

/** A node that has come to a store with one network; what the watch of networks tells is the test's to say. */
async function enterStore(log = silentLogger) {
  const told = new Channel<WatchEvent>();
  const server = new MemoryStore();
  const value = JSON.stringify(network);
  await server.commit([], [{ op: 'put', key: keys.network(network.id), value }]);
  const watchAll = server.watch.bind(server);
  const watch: Store['watch'] = (prefix) => (prefix === folders.networks ? told : watchAll(prefix));
  const global: Store = Object.assign(server, { watch });
  const directory = new Directory({ local: new MemoryStore(), global }, log, { graceMs: 15_000 });
  const entries = await server.list(folders.networks);
  told.push({ type: 'snapshot', entries });
  await directory.enter('global');
  await until(
    'the network is known',
    () => directory.networks().length,
    (count) => count === 1,
  );
  const seen: number[] = [];
  directory.subscribe(() => seen.push(directory.networks().length));
  return { told, server, directory, entries, seen };
}

it('a network that another node has put back since the snapshot that lacks it never goes', async () => {
  const { told, directory, entries, seen } = await enterStore();
  told.push({ type: 'snapshot', entries: [] });
  const [entry] = entries;
  if (!entry) throw new Error('no network');
  told.push({ type: 'changes', changes: [{ op: 'put', entry: { ...entry, version: 'new' } }] });
  await until(
    'the watch has caught up',
    () => directory.networkEntry(network.id)?.version,
    (version) => version === 'new',
  );
  expect(seen).not.toContain(0);
  await directory.close();
});

it('a network that was removed during the gap goes', async () => {
  const { told, server, directory } = await enterStore();
  await server.commit([], [{ op: 'delete', key: keys.network(network.id) }]);
  told.push({ type: 'snapshot', entries: [] });
  await until(
    'it is gone',
    () => directory.networks().length,
    (count) => count === 0,
  );
  await directory.close();
});

it('a store whose data cannot be put back leaves a stack in the log', async () => {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const { told, server, directory } = await enterStore(log);
  await server.commit(
    [],
    [
      { op: 'put', key: keys.identity, value: '"another"' },
      { op: 'put', key: keys.schema, value: '99' },
    ],
  );
  told.push({ type: 'snapshot', entries: [] });
  const found = () => lines.filter((line) => line.includes('put back what was lost'));
  const [line = ''] = await until('the log says so', found, ({ length }) => length > 0);
  expect(JSON.parse(line)).toMatchObject({ level: 50, err: { stack: expect.stringContaining('schema.ts') } });
  await directory.close();
});
