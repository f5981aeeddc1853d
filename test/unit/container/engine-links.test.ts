import { expect, it } from 'vitest';
import { MemoryStore } from '../../../kvstore/local/memory.ts';
import { keys } from '../../../src/cluster/keys.ts';
import { StoredLinks } from '../../../src/container/engine/links.ts';
import { silentLogger } from '../../../src/lib/log.ts';

const [networkId, endpointId] = ['a'.repeat(64), 'e'.repeat(64)];

it('reads links of 0.1.0, and those that it writes', async () => {
  const store = new MemoryStore();
  const older = {
    ...{ networkId, endpointId, ipv4: '10.0.0.2/24', mac: '02:42:0a:00:00:02' },
    ...{ hostName: 'fl3a07eeeeeeeee', bridge: 'fl3a07-aaaaaaaa', sandboxKey: '/x', resolverPrefix: 32 },
  };
  await store.commit([], [{ op: 'put', key: keys.engineEndpoint('theirs'), value: JSON.stringify(older) }]);
  const links = await StoredLinks.open(store, silentLogger);
  const link = links.endpoint('theirs');
  expect(link).toMatchObject({
    ...{ networkId, hostName: 'fl3a07eeeeeeeee', bridge: 'fl3a07-aaaaaaaa', resolverPrefix: 32 },
    endpoint: { id: endpointId, networkId, nodeId: '', ipv4: '10.0.0.2/24', mac: '02:42:0a:00:00:02' },
  });
  if (link) await links.putEndpoint('theirs', link);
  expect((await StoredLinks.open(store, silentLogger)).endpoint('theirs')).toEqual(link);
});
