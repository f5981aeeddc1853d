import { describe, expect, it } from 'vitest';
import type { Network } from '../../../../src/cluster/records.ts';
import { mayForward } from '../../../../src/dns/askers/asker.ts';
import { Views } from '../../../../src/dns/askers/views.ts';
import { NameTable } from '../../../../src/dns/names/name-table.ts';
import { FakeNames, makeEndpoint, makeNetwork } from '../fixture.ts';
import { cleanUps } from '../upstream-fixture.ts';

describe('servers of a container’s own (--dns)', () => {
  function withServers(servers: string[], networkFields: Partial<Network>) {
    const names = new FakeNames();
    const foo = { ...makeNetwork('foo', '172.18.0.0/24'), ...networkFields };
    const bar = makeNetwork('bar', '172.19.0.0/24');
    names.set(bar, []);
    names.set(foo, [
      makeEndpoint(foo, { name: 'own', ipv4: '172.18.0.2/24', servers }),
      makeEndpoint(foo, { name: 'plain', ipv4: '172.18.0.3/24' }),
    ]);
    const table = new NameTable(names);
    cleanUps.push(() => table.close());
    const views = new Views(table);
    return { own: views.onBehalfOf('172.18.0.2'), plain: views.onBehalfOf('172.18.0.3') };
  }

  it.each<readonly [string, string[], Partial<Network>, string[]]>([
    [
      'of its networks and beyond, in their order',
      ['192.0.2.9', '172.18.0.7'],
      {},
      ['192.0.2.9', '172.18.0.7'],
    ],
    ['never on another network', ['172.19.0.7', '192.0.2.9'], {}, ['192.0.2.9']],
    [
      'on internal networks only those on them',
      ['192.0.2.9', '172.18.0.7'],
      { internal: true },
      ['172.18.0.7'],
    ],
    ['none', ['192.0.2.9'], { internal: true }, []],
  ])('are asked as it could itself: %s', (_what, servers, network, expected) => {
    const { own, plain } = withServers(servers, network);
    expect(own?.servers?.map(({ address }) => address)).toEqual(expected);
    expect(own && mayForward(own)).toBe(expected.length > 0);
    expect(plain?.servers).toBeUndefined();
  });

  it('on loopback are its own, not the host’s', () => {
    const names = new FakeNames();
    const foo = makeNetwork('foo', '172.18.0.0/16');
    names.set(foo, [
      makeEndpoint(foo, { name: 'own', ipv4: '172.18.0.2/16', servers: ['127.0.0.1', '::1'] }),
    ]);
    const views = new Views(new NameTable(names));
    const own = [{ address: '172.18.0.2', port: 53 }];
    expect(views.onGateway(foo.id, '172.18.0.2')?.servers).toEqual(own);
    expect(views.asContainer(names.endpointsOf(foo.id)[0]?.containerId ?? '').servers).toEqual(own);
  });
});
