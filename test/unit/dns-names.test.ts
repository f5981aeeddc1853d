import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../kvstore/local/memory.ts';
import { Directory } from '../../src/cluster/directory.ts';
import { keys } from '../../src/cluster/keys.ts';
import type { Network } from '../../src/cluster/records.ts';
import { keyOf, labelsOf } from '../../src/dns/labels.ts';
import { NameTable } from '../../src/dns/name-table.ts';
import { type Outcome, resolve } from '../../src/dns/responder.ts';
import { type View, Views } from '../../src/dns/view.ts';
import { reverseName } from '../../src/lib/addresses.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { FakeNames, makeEndpoint, makeNetwork, nextId } from './dns-fixture.ts';

const options = { forwardSingleLabel: false };

let names: FakeNames;
let table: NameTable;
let views: Views;
let foo: Network;
let bar: Network;

function tell(view: View, name: string, settings = options, of = table): string {
  const labels = labelsOf(name.toLowerCase()) ?? [];
  return describeOutcome(resolve({ labels, key: keyOf(labels) }, view, of, settings));
}

/** `hosts 172.18.0.2@foo`, `no-name soa foo`, `forward` … */
function describeOutcome(outcome: Outcome): string {
  if (outcome.kind === 'forward') return 'forward';
  const authority = `soa ${outcome.authority.join('.') || '.'}`;
  if (outcome.kind === 'hosts' || outcome.kind === 'port') {
    const addresses = outcome.hosts.map(({ ipv4, ipv6 }) => ipv4 ?? ipv6 ?? '-');
    return `${outcome.kind} ${addresses.join(',')}@${outcome.zone.network.name} ${authority}`;
  }
  if (outcome.kind === 'pointer')
    return `pointer ${outcome.host.endpoint.name}.${outcome.zone.network.name} ${authority}`;
  return `${outcome.kind} ${authority}`;
}

const c1 = nextId('a1');
const c2 = nextId('a2');
const c3 = nextId('a3');

beforeEach(() => {
  names = new FakeNames();
  foo = makeNetwork('foo', '172.18.0.0/16', 'fd00:18::/64');
  bar = makeNetwork('Bar', '192.168.16.0/20');
  names.set(foo, [
    makeEndpoint(foo, {
      name: 'my-service',
      containerId: c1,
      containerName: 'c1',
      serviceId: nextId(),
      ipv4: '172.18.0.2/16',
      ipv6: 'fd00:18:0:0:0:0:0:2/64',
      aliases: ['DB', 'host.example.com', '*.apps'],
      ports: [{ protocol: 'tcp', port: 80 }],
    }),
    makeEndpoint(foo, { name: 'c2', containerId: c2, ipv4: '172.18.0.3/16', aliases: ['db', 'x.apps'] }),
  ]);
  names.set(bar, [
    makeEndpoint(bar, { name: 'c2', containerId: c2, ipv4: '192.168.16.3/20' }),
    makeEndpoint(bar, { name: 'c3', containerId: c3, ipv4: '192.168.16.4/20', aliases: ['db', 'only-bar'] }),
  ]);
  table = new NameTable(names);
  views = new Views(table);
});

describe('names of a network', () => {
  it.each([
    ['my-service', 'hosts 172.18.0.2@foo soa .'],
    ['MY-Service', 'hosts 172.18.0.2@foo soa .'],
    ['c1', 'hosts 172.18.0.2@foo soa .'],
    [c1.slice(0, 12), 'hosts 172.18.0.2@foo soa .'],
    ['db', 'hosts 172.18.0.2,172.18.0.3@foo soa .'],
    ['host.example.com', 'hosts 172.18.0.2@foo soa .'],
    ['my-service.foo', 'hosts 172.18.0.2@foo soa foo'],
    ['My-Service.FOO', 'hosts 172.18.0.2@foo soa foo'],
    [`${c1.slice(0, 12)}.foo`, 'hosts 172.18.0.2@foo soa foo'],
    ['host.example.com.foo', 'hosts 172.18.0.2@foo soa foo'],
    ['foo', 'apex soa foo'],
    [c1, 'forward'],
    ['nope', 'no-name soa .'],
    ['nope.foo', 'no-name soa foo'],
    ['a.b.nope.foo', 'no-name soa foo'],
    ['example.com', 'forward'],
    ['www.example.com', 'forward'],
    ['.', 'forward'],
  ])('%s', (name, expected) => {
    // A full id is one label of 64 characters, one too many for DNS: it does not even parse.
    if (name === c1) expect(labelsOf(name)).toBeUndefined();
    else expect(tell(views.asContainer(c1), name)).toBe(expected);
  });

  it('knows names that have only names below them', () => {
    expect(tell(views.asContainer(c1), 'com')).toBe('empty soa .');
    expect(tell(views.asContainer(c1), 'example.com.foo')).toBe('empty soa foo');
  });

  it('forwards unknown single labels where that is wanted', () => {
    const settings = { forwardSingleLabel: true };
    expect(tell(views.asContainer(c1), 'nope', settings)).toBe('forward');
    expect(tell(views.asContainer(c1), 'nope.foo', settings)).toBe('no-name soa foo');
  });

  it('does not mistake an escaped dot for two labels', () => {
    const labels = ['host.example', 'com'];
    const ask = { labels, key: keyOf(labels) };
    expect(resolve(ask, views.asContainer(c1), table, options).kind).toBe('forward');
  });
});

describe('wildcard aliases (RFC 4592)', () => {
  it.each([
    ['a.apps', 'hosts 172.18.0.2@foo soa .'],
    ['a.b.apps', 'hosts 172.18.0.2@foo soa .'],
    ['a.apps.foo', 'hosts 172.18.0.2@foo soa foo'],
    ['apps', 'empty soa .'],
    ['apps.foo', 'empty soa foo'],
    ['x.apps', 'hosts 172.18.0.3@foo soa .'],
    ['a.x.apps', 'forward'],
    ['a.x.apps.foo', 'no-name soa foo'],
    ['_80._tcp.a.apps', 'port 172.18.0.2@foo soa .'],
  ])('%s', (name, expected) => {
    expect(tell(views.asContainer(c1), name)).toBe(expected);
  });
});

describe('SRV names', () => {
  it.each([
    ['_80._tcp.my-service', 'port 172.18.0.2@foo soa .'],
    ['_80._tcp.my-service.foo', 'port 172.18.0.2@foo soa foo'],
    ['_80._tcp.db.foo', 'port 172.18.0.2@foo soa foo'],
    ['_tcp.my-service.foo', 'empty soa foo'],
    ['_81._tcp.my-service.foo', 'no-name soa foo'],
    ['_80._udp.my-service.foo', 'no-name soa foo'],
    ['_080._tcp.my-service.foo', 'no-name soa foo'],
  ])('%s', (name, expected) => {
    expect(tell(views.asContainer(c1), name)).toBe(expected);
  });
});

const v6Zone = reverseName('fd00:18::').split('.').slice(-18).join('.');

describe('reverse zones', () => {
  it.each([
    ['2.0.18.172.in-addr.arpa', 'pointer my-service.foo soa 18.172.in-addr.arpa'],
    ['1.0.18.172.in-addr.arpa', 'no-name soa 18.172.in-addr.arpa'],
    ['9.9.18.172.in-addr.arpa', 'no-name soa 18.172.in-addr.arpa'],
    ['x.2.0.18.172.in-addr.arpa', 'no-name soa 18.172.in-addr.arpa'],
    ['0.18.172.in-addr.arpa', 'empty soa 18.172.in-addr.arpa'],
    ['18.172.in-addr.arpa', 'empty soa 18.172.in-addr.arpa'],
    ['172.in-addr.arpa', 'forward'],
    ['256.0.18.172.in-addr.arpa', 'no-name soa 18.172.in-addr.arpa'],
    ['8.8.8.8.in-addr.arpa', 'forward'],
    [reverseName('fd00:18::2'), `pointer my-service.foo soa ${v6Zone}`],
    [reverseName('fd00:18::9'), `no-name soa ${v6Zone}`],
    [v6Zone, `empty soa ${v6Zone}`],
    [reverseName('fd00:19::2'), 'forward'],
  ])('%s', (name, expected) => {
    expect(tell(views.asContainer(c1), name)).toBe(expected);
  });

  it('denies addresses of networks that the asker is not on, without asking upstream', () => {
    expect(tell(views.asContainer(c1), '4.16.168.192.in-addr.arpa')).toBe(
      'no-name soa 16.168.192.in-addr.arpa',
    );
    expect(tell(views.asContainer(c3), '4.16.168.192.in-addr.arpa')).toBe(
      'pointer c3.Bar soa 16.168.192.in-addr.arpa',
    );
  });
});

describe('askers', () => {
  it('sees the networks it is on, the one it asks first', () => {
    expect(tell(views.onGateway(foo.id, '172.18.0.3'), 'db')).toBe('hosts 172.18.0.2,172.18.0.3@foo soa .');
    expect(tell(views.onGateway(bar.id, '192.168.16.3'), 'db')).toBe('hosts 192.168.16.4@Bar soa .');
    expect(tell(views.onGateway(foo.id, '172.18.0.3'), 'only-bar')).toBe('hosts 192.168.16.4@Bar soa .');
    expect(tell(views.onGateway(bar.id, '192.168.16.3'), 'db.foo')).toBe(
      'hosts 172.18.0.2,172.18.0.3@foo soa foo',
    );
  });

  it('sees nothing of other networks', () => {
    for (const view of [
      views.onGateway(foo.id, '172.18.0.2'),
      views.asContainer(c1),
      views.asAddress('172.18.0.2'),
    ]) {
      expect(tell(view, 'only-bar')).toBe('no-name soa .');
      expect(tell(view, 'only-bar.bar')).toBe('no-name soa bar');
      expect(tell(view, 'bar')).toBe('no-name soa .');
    }
  });

  it('has names of its own for others, by its links: nobody else sees them', () => {
    names.set(foo, [
      ...names.endpointsOf(foo.id),
      makeEndpoint(foo, {
        name: 'linked',
        containerId: c3,
        ipv4: '172.18.0.9/16',
        links: [
          { alias: 'Mine', target: 'c2' },
          { alias: 'db', target: 'c2' },
          { alias: 'c1', target: 'nobody' },
        ],
      }),
    ]);
    const own = views.onGateway(foo.id, '172.18.0.9');
    expect(tell(own, 'mine')).toBe('hosts 172.18.0.3@foo soa .');
    expect(tell(own, 'MINE.foo')).toBe('hosts 172.18.0.3@foo soa foo');
    // It hides a name of the network's, but only while it leads to somebody.
    expect(tell(own, 'db')).toBe('hosts 172.18.0.3@foo soa .');
    expect(tell(own, 'c1')).toBe('hosts 172.18.0.2@foo soa .');
    expect(tell(views.asContainer(c3), 'mine')).toBe('hosts 172.18.0.3@foo soa .');
    expect(tell(views.onGateway(foo.id, '172.18.0.2'), 'mine')).toBe('no-name soa .');
    expect(tell(views.onGateway(foo.id, '172.18.0.2'), 'mine.foo')).toBe('no-name soa foo');
    expect(tell(views.onGateway(foo.id, '172.18.0.2'), 'db')).toBe('hosts 172.18.0.2,172.18.0.3@foo soa .');
  });

  it('shows an unknown source on a gateway that network alone', () => {
    expect(tell(views.onGateway(foo.id, '172.18.0.1'), 'c1')).toBe('hosts 172.18.0.2@foo soa .');
    expect(tell(views.onGateway(foo.id, '172.18.0.1'), 'c3')).toBe('no-name soa .');
    expect(tell(views.onGateway(foo.id, '::ffff:172.18.0.3'), 'c3')).toBe('hosts 192.168.16.4@Bar soa .');
  });

  it('shows the host every network, by NAME.NETWORK only', () => {
    expect(tell(views.host(), 'my-service.foo')).toBe('hosts 172.18.0.2@foo soa foo');
    expect(tell(views.host(), 'c3.bar')).toBe('hosts 192.168.16.4@Bar soa Bar');
    expect(tell(views.host(), 'a.apps.foo')).toBe('hosts 172.18.0.2@foo soa foo');
    expect(tell(views.host(), 'my-service')).toBe('no-name soa .');
    expect(tell(views.host(), 'com')).toBe('no-name soa .');
    expect(tell(views.host(), 'host.example.com')).toBe('forward');
    expect(tell(views.host(), '3.16.168.192.in-addr.arpa')).toBe(
      'pointer c2.Bar soa 16.168.192.in-addr.arpa',
    );
  });

  it('takes an address of nobody for somebody on no network', () => {
    expect(tell(views.asAddress('172.18.0.99'), 'c1')).toBe('no-name soa .');
    expect(tell(views.asAddress('172.18.0.99'), 'c1.foo')).toBe('no-name soa foo');
  });

  it('knows an asker by its IPv6 address', () => {
    expect(tell(views.asAddress('fd00:18::2'), 'db')).toBe('hosts 172.18.0.2,172.18.0.3@foo soa .');
  });
});

describe('changes', () => {
  it('are seen by the next query, of that network only', () => {
    const before = [...table.zones()];
    names.set(bar, [makeEndpoint(bar, { name: 'new', containerId: c3, ipv4: '192.168.16.9/20' })]);
    expect(tell(views.asContainer(c3), 'new')).toBe('hosts 192.168.16.9@Bar soa .');
    expect(tell(views.asContainer(c3), 'c2')).toBe('no-name soa .');
    expect(table.zone(foo.id)).toBe(before.find(({ key }) => key === 'foo'));
    expect(table.zone(bar.id)).not.toBe(before.find(({ key }) => key === 'bar'));
  });

  it('drops the views of a container that joins or leaves', () => {
    expect(tell(views.onGateway(foo.id, '172.18.0.2'), 'only-bar')).toBe('no-name soa .');
    const joined = makeEndpoint(bar, { name: 'c1', containerId: c1, ipv4: '192.168.16.7/20' });
    names.set(bar, [...names.endpointsOf(bar.id), joined]);
    expect(tell(views.onGateway(foo.id, '172.18.0.2'), 'only-bar')).toBe('hosts 192.168.16.4@Bar soa .');
    names.set(
      bar,
      names.endpointsOf(bar.id).filter((endpoint) => endpoint !== joined),
    );
    expect(tell(views.onGateway(foo.id, '172.18.0.2'), 'only-bar')).toBe('no-name soa .');
  });

  it('leave the answers alone that were made for others', () => {
    const onFoo = views.onGateway(foo.id, '172.18.0.2');
    names.set(bar, []);
    expect(views.onGateway(foo.id, '172.18.0.2')).toBe(onFoo);
    names.set(foo, []);
    expect(views.onGateway(foo.id, '172.18.0.2')).not.toBe(onFoo);
  });

  it('are seen as by one who has never asked before, whatever was asked meanwhile', () => {
    const networks = ['n0', 'n1', 'n2'].map((name, n) => makeNetwork(name, `10.${n}.0.0/24`));
    const [containers, addresses] = [
      [c1, c2, c3],
      [2, 3, 4],
    ];
    const endpoint = fc.record({
      name: fc.constantFrom('a', 'b', '*.w'),
      container: fc.nat(2),
      last: fc.constantFrom(...addresses),
      linked: fc.boolean(),
    });
    const change = fc.record({
      network: fc.nat(2),
      endpoints: fc.option(fc.uniqueArray(endpoint, { selector: ({ last }) => last, maxLength: 3 })),
    });
    const asked = ['a', 'b', 'a.n0', 'x.w', 'b.n2', 'x.n1', '2.0.1.10.in-addr.arpa', 'l', 'b.gone.n1'];
    const see = (by: Views) => [
      ...networks.flatMap(({ id }, n) =>
        addresses.flatMap((last) => [
          by.onGateway(id, `10.${n}.0.${last}`),
          by.asAddress(`10.${n}.0.${last}`),
        ]),
      ),
      ...containers.map((id) => by.asContainer(id)),
      by.host(),
    ];
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        const changing = new FakeNames();
        const old = new NameTable(changing);
        const kept = new Views(old);
        const answers = new Map<View, Map<string, string>>();
        const remembered = (view: View, name: string) => {
          const known = answers.get(view) ?? new Map<string, string>();
          const answer = known.get(name) ?? tell(view, name, options, old);
          answers.set(view, known.set(name, answer));
          return answer;
        };
        changes.forEach(({ network: n, endpoints }, step) => {
          const network = networks[n] ?? foo;
          if (endpoints === null) changing.remove(network);
          else
            changing.set(
              network,
              endpoints.map(({ name, container, last, linked }) =>
                makeEndpoint(network, {
                  ...{ name, containerId: containers[container] ?? c1, ipv4: `10.${n}.0.${last}/24` },
                  created: `2026-01-01T00:00:${String(step).padStart(2, '0')}Z`,
                  ...(linked && { links: [{ alias: 'l', target: 'a' }] }),
                }),
              ),
            );
          const fresh = new NameTable(changing);
          const told = see(kept).map((view) => asked.map((name) => remembered(view, name)));
          const wanted = see(new Views(fresh)).map((view) =>
            asked.map((name) => tell(view, name, options, fresh)),
          );
          expect(told).toEqual(wanted);
          fresh.close();
        });
        old.close();
      }),
      { numRuns: 200 },
    );
  });

  it('take a removed network away, its subnets and its name', () => {
    names.remove(foo);
    expect(tell(views.asContainer(c1), 'my-service.foo')).toBe('forward');
    expect(tell(views.asContainer(c1), '2.0.18.172.in-addr.arpa')).toBe('forward');
  });

  it('rebuild a zone once, however many they were', () => {
    const generation = table.generation;
    for (let index = 0; index < 100; index++) names.set(foo, []);
    expect(table.generation).toBe(generation + 1);
  });

  it('withhold the unhealthy, who may still ask', () => {
    const sick = makeEndpoint(foo, { name: 'sick', containerId: c1, ipv4: '172.18.0.8/16', healthy: false });
    names.set(foo, [...names.endpointsOf(foo.id), sick]);
    expect(tell(views.asContainer(c2), 'sick')).toBe('no-name soa .');
    expect(tell(views.asContainer(c2), '8.0.18.172.in-addr.arpa')).toBe('no-name soa 18.172.in-addr.arpa');
    expect(tell(views.asAddress('172.18.0.8'), 'c2')).toBe('hosts 172.18.0.3@foo soa .');
  });

  it('pass over what cannot be a DNS name or an address', () => {
    const odd = makeEndpoint(foo, {
      name: `${'l'.repeat(64)}.x`,
      containerName: 'odd',
      ipv4: '300.1.1.1/16',
      aliases: ['a..b', '*', 'a.*.b'],
    });
    names.set(foo, [...names.endpointsOf(foo.id), odd]);
    expect(tell(views.asContainer(c1), 'odd')).toBe('hosts -@foo soa .');
    expect(tell(views.asContainer(c1), 'c2')).toBe('hosts 172.18.0.3@foo soa .');
  });

  it('leave host and none out: they would shadow top-level domains', () => {
    const host = makeNetwork('dev');
    names.set(host, [makeEndpoint(host, { name: 'web' })]);
    expect(tell(views.host(), 'web.dev')).toBe('forward');
  });
});

it('answers for 10,000 services on 100 networks, and swaps only what changed', () => {
  const many = new FakeNames();
  const networks = Array.from({ length: 100 }, (_, n) => makeNetwork(`net${n}`, `10.${n}.0.0/16`));
  const fill = (network: Network, n: number) =>
    Array.from({ length: 100 }, (_, s) =>
      makeEndpoint(network, { name: `svc${s}`, ipv4: `10.${n}.1.${s}/16` }),
    );
  networks.forEach((network, n) => {
    many.set(network, fill(network, n), false);
  });
  const big = new NameTable(many);
  const zones = [...big.zones()];
  expect(zones.length).toBe(100);
  expect(zones.reduce((sum, zone) => sum + zone.names.size, 0)).toBe(20_000);
  many.set(networks[7] ?? foo, []);
  expect([...big.zones()].filter((zone) => !zones.includes(zone)).map(({ key }) => key)).toEqual(['net7']);
});

it('follows the real directory', async () => {
  const store = new MemoryStore();
  const directory = new Directory({ local: store, global: store }, silentLogger);
  await directory.ready();
  table = new NameTable(directory);
  views = new Views(table);
  const network = makeNetwork('live', '10.9.0.0/24');
  const endpoint = makeEndpoint(network, { name: 'web', containerId: c1, ipv4: '10.9.0.2/24' });
  const endpointKey = keys.endpoint(network.id, endpoint.id);
  await directory.commit(
    'local',
    [],
    [
      { op: 'put', key: keys.network(network.id), value: JSON.stringify(network) },
      { op: 'put', key: endpointKey, value: JSON.stringify(endpoint) },
    ],
  );
  expect(tell(views.asContainer(c1), 'web')).toBe('hosts 10.9.0.2@live soa .');
  await directory.commit('local', [], [{ op: 'delete', key: endpointKey }]);
  expect(tell(views.asContainer(c1), 'web.live')).toBe('no-name soa live');
  await directory.close();
  await store.close();
});
