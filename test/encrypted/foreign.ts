import { deepStrictEqual, ok, rejects } from 'node:assert/strict';
import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import { bridgeName, vxlanName } from '../../src/dataplane/names.ts';
import { newId } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { TestHost } from '../rig/namespace.ts';

const ends = { source: '192.0.2.1', destination: '192.0.2.2' };

/** What somebody else has of IPsec on the host stays, and what cannot be beside it is refused. */
export async function leavesOthersAlone(): Promise<void> {
  await using host = await TestHost.create();
  const ipXfrm = (words: string) => host.run('ip', 'xfrm', ...words.split(' '));
  const state = 'src 192.0.2.1 dst 192.0.2.2 proto esp spi 1002';
  const cipher = ['aead', 'rfc4106(gcm(aes))', `0x${'9'.repeat(72)}`, '128'];
  await host.run('ip', 'xfrm', 'state', 'add', ...state.split(' '), 'mode', 'transport', ...cipher);
  await ipXfrm('policy add src 192.0.2.0/24 dst 198.51.100.0/24 dir out tmpl proto esp mode transport');
  const theirs = await listing(host);

  const { tag, path: hostNamespace } = host;
  const dataplane = await openLinuxDataplane({ tag, log: silentLogger, hostNamespace });
  const id = newId();
  const [name, bridge] = [vxlanName(tag, id), bridgeName(tag, id)];
  await dataplane.ensureBridge({ name: bridge, addresses: [], mtu: 1416 });
  await dataplane.ensureVxlan({
    name,
    bridge,
    vni: 1,
    local: '192.0.2.1',
    port: 4793,
    mtu: 1416,
    encrypted: true,
  });
  const add = [1001, 1002, 1003].map((spi) => ({ ...ends, spi, key: '1'.repeat(72) }));
  await rejects(dataplane.changeAssociations({ add, remove: [] }), (error: Error) => {
    ok(!error.message.includes('1111'), 'no key is in the message');
    return /IPsec associations: .*File exists/.test(error.message);
  });
  deepStrictEqual((await dataplane.associations()).map(({ spi }) => spi).toSorted(), [1001, 1003]);
  await dataplane.close();
  deepStrictEqual(await listing(host), theirs);

  await ipXfrm('policy add src ::/0 dst ::/0 proto 17 dport 4793 dir in tmpl proto esp mode transport');
  await dataplane.ensureBridge({ name: bridge, addresses: [], mtu: 1416 });
  await rejects(
    dataplane.ensureVxlan({
      name,
      bridge,
      vni: 1,
      local: '192.0.2.1',
      port: 4793,
      mtu: 1416,
      encrypted: true,
    }),
    { kind: 'conflict', message: "somebody else's IPsec policy on this host is for UDP port 4793 already" },
  );
  deepStrictEqual((await dataplane.owned()).vxlans, []);
}

async function listing(host: TestHost): Promise<readonly string[]> {
  const lists = ['state', 'policy'].map((what) => host.run('ip', 'xfrm', what, 'list'));
  return await Promise.all(lists);
}
