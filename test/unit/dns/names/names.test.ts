import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../../kvstore/local/memory.ts';
import { Directory } from '../../../../src/cluster/directory.ts';
import { keys } from '../../../../src/cluster/keys.ts';
import type { Network } from '../../../../src/cluster/records.ts';
import type { Asker } from '../../../../src/dns/askers/asker.ts';
import { HostAddresses } from '../../../../src/dns/askers/host-addresses.ts';
import { Views } from '../../../../src/dns/askers/views.ts';
import { NameTable } from '../../../../src/dns/names/name-table.ts';
import { type Outcome, resolve } from '../../../../src/dns/names/responder.ts';
import type { View } from '../../../../src/dns/names/view.ts';
import { keyOf, labelsOf } from '../../../../src/dns/wire/labels.ts';
import { reverseName } from '../../../../src/lib/addresses.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { FakeNames, makeEndpoint, makeNetwork, nextId } from '../fixture.ts';

const options = { forwardSingleLabel: false };
const nowhere = new HostAddresses(
  () => ({}),
  () => '',
);

let names: FakeNames;
let table: NameTable;
let views: Views;
let foo: Network;
let bar: Network;

function tell(asker: Asker | undefined, name: string, settings = options, of = table): string {
  if (!asker) return 'not answered';
  const { view } = asker;
  const labels = labelsOf(name.toLowerCase()) ?? [];
  const outcome = describeOutcome(resolve({ labels, key: keyOf(labels) }, view, of, settings));
  return outcome === 'forward' && !view.hasWayOut ? 'denied' : outcome;
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
    expect(resolve(ask, views.asContainer(c1).view, table, options).kind).toBe('forward');
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

describe('special-use names (RFC 6761, RFC 7686)', () => {
  const askers = () => [views.asContainer(c1), views.onHost('127.0.0.1'), views.onBehalfOf('10.9.9.9')];

  it.each([
    ['localhost', 'loopback soa localhost'],
    ['a.b.LOCALHOST', 'loopback soa localhost'],
    ['invalid', 'no-name soa invalid'],
    ['www.invalid', 'no-name soa invalid'],
    ['abc.onion', 'no-name soa onion'],
    ['onion', 'no-name soa onion'],
    ['invalid.example', 'forward'],
    ['mylocalhost.test', 'forward'],
  ])('%s is %s, whoever asks', (name, expected) => {
    expect(askers().map((asker) => tell(asker, name))).toEqual([expected, expected, expected]);
  });

  it('come after names of ours', () => {
    names.set(foo, [makeEndpoint(foo, { name: 'abc.onion', containerId: c1, ipv4: '172.18.0.9/16' })]);
    expect(tell(views.asContainer(c1), 'abc.onion')).toBe('hosts 172.18.0.9@foo soa .');
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
    for (const asker of [
      views.onGateway(foo.id, '172.18.0.2'),
      views.asContainer(c1),
      views.onBehalfOf('172.18.0.2'),
    ]) {
      expect(tell(asker, 'only-bar')).toBe('no-name soa .');
      expect(tell(asker, 'only-bar.bar')).toBe('forward');
      expect(tell(asker, 'bar')).toBe('no-name soa .');
    }
  });

  it('loses no domain to a network that it is not on', () => {
    const com = makeNetwork('example.com', '172.30.0.0/16');
    names.set(com, [
      makeEndpoint(com, { name: 'web', containerId: c3, ipv4: '172.30.0.2/16', aliases: ['x.y'] }),
    ]);
    for (const name of ['web.example.com', 'www.example.com', 'y.example.com', 'example.com']) {
      expect(tell(views.asContainer(c1), name)).toBe('forward');
    }
    expect(tell(views.asContainer(c3), 'web.example.com')).toBe(
      'hosts 172.30.0.2@example.com soa example.com',
    );
    expect(tell(views.asContainer(c3), 'www.example.com')).toBe('no-name soa example.com');
    expect(tell(views.asContainer(c3), 'y.example.com')).toBe('empty soa example.com');
    expect(tell(views.onHost('127.0.0.1'), 'www.example.com')).toBe('no-name soa example.com');
  });

  it('finds a container by its hostname too, dotted or not', () => {
    names.set(foo, [
      makeEndpoint(foo, { name: 'k1', containerId: c3, hostname: 'Kafka1', ipv4: '172.18.0.9/16' }),
      makeEndpoint(foo, { name: 'k2', hostname: 'kafka.example.com', ipv4: '172.18.0.10/16' }),
    ]);
    const asker = views.asContainer(c3);
    expect(tell(asker, 'kafka1')).toBe('hosts 172.18.0.9@foo soa .');
    expect(tell(asker, 'kafka1.foo')).toBe('hosts 172.18.0.9@foo soa foo');
    expect(tell(asker, 'kafka.example.com')).toBe('hosts 172.18.0.10@foo soa .');
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
    expect(tell(views.onHost('127.0.0.1'), 'my-service.foo')).toBe('hosts 172.18.0.2@foo soa foo');
    expect(tell(views.onHost('127.0.0.1'), 'c3.bar')).toBe('hosts 192.168.16.4@Bar soa Bar');
    expect(tell(views.onHost('127.0.0.1'), 'a.apps.foo')).toBe('hosts 172.18.0.2@foo soa foo');
    expect(tell(views.onHost('127.0.0.1'), 'my-service')).toBe('no-name soa .');
    expect(tell(views.onHost('127.0.0.1'), 'com')).toBe('no-name soa .');
    expect(tell(views.onHost('127.0.0.1'), 'host.example.com')).toBe('forward');
    expect(tell(views.onHost('127.0.0.1'), '3.16.168.192.in-addr.arpa')).toBe(
      'pointer c2.Bar soa 16.168.192.in-addr.arpa',
    );
  });

  it('is not answered at a gateway from beyond its subnets, but for the host', () => {
    const host = { lo: [], eth0: [{ address: '192.0.2.7', cidr: '192.0.2.7/24' }] };
    const here = new Views(
      table,
      new HostAddresses(
        () => host,
        () => '',
      ),
    );
    for (const address of ['192.0.2.8', '192.168.16.4', '10.0.0.1', 'fd00:19::2', 'fe80::2%br0', '']) {
      expect(here.onGateway(foo.id, address)).toBeUndefined();
    }
    for (const address of ['172.18.0.1', '172.18.9.9', '127.0.0.1', '192.0.2.7', 'fd00:18::99', '::1']) {
      expect(tell(here.onGateway(foo.id, address), 'c1')).toBe('hosts 172.18.0.2@foo soa .');
    }
    expect(here.onGateway(nextId(), '172.18.0.2')).toBeUndefined();
  });

  it('is answered where all ask if it is on this host: on a network of ours, or behind a bridge that leads nowhere', () => {
    const sysfs = mkdtempSync(join(tmpdir(), 'flt-'));
    for (const folder of ['docker0/bridge', 'br0/bridge', 'eth1'])
      mkdirSync(join(sysfs, folder), { recursive: true });

    const devices = {
      lo: [{ address: '127.0.0.1', cidr: '127.0.0.1/8' }],
      docker0: [{ address: '172.30.0.1', cidr: '172.30.0.1/16' }],
      br0: [{ address: '192.0.2.7', cidr: '192.0.2.7/24' }],
      eth1: [{ address: '198.51.100.7', cidr: '198.51.100.7/24' }],
    };
    const routes =
      'Iface\tDestination\tGateway\tFlags\n' +
      'br0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n' +
      'docker0\t00001EAC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n';
    const here = new Views(
      table,
      new HostAddresses(
        () => devices,
        () => routes,
        sysfs,
      ),
    );
    expect(tell(here.onShared('172.18.0.3'), 'c3')).toBe('hosts 192.168.16.4@Bar soa .');
    for (const address of ['172.30.0.9', '127.0.0.1', '192.0.2.7', '172.18.0.99']) {
      expect(tell(here.onShared(address), 'c1')).toBe('no-name soa .');
      expect(tell(here.onShared(address), 'x.example')).toBe('forward');
    }
    for (const address of ['192.0.2.8', '198.51.100.8', '203.0.113.1']) {
      expect(here.onShared(address)).toBeUndefined();
    }
    rmSync(sysfs, { recursive: true });
  });

  it('takes an address of nobody for somebody on no network', () => {
    expect(tell(views.onBehalfOf('172.18.0.99'), 'c1')).toBe('no-name soa .');
    expect(tell(views.onBehalfOf('172.18.0.99'), 'c1.foo')).toBe('forward');
  });

  it('knows an asker by its IPv6 address', () => {
    expect(tell(views.onBehalfOf('fd00:18::2'), 'db')).toBe('hosts 172.18.0.2,172.18.0.3@foo soa .');
  });
});

describe('who is on internal networks only', () => {
  let inner: Network;
  const outside = (asker: Asker | undefined) => tell(asker, 'secret.attacker.example');
  const join = (network: Network, containerId: string, ipv4: string) =>
    names.set(network, [
      ...names.endpointsOf(network.id),
      makeEndpoint(network, { name: 'x', containerId, ipv4 }),
    ]);

  beforeEach(() => {
    inner = { ...makeNetwork('inner', '10.7.0.0/24'), internal: true };
    names.set(inner, []);
  });

  it('asks nobody upstream, wherever it asks, from when it has no other until it has one again', () => {
    const c9 = nextId('a9');
    join(inner, c9, '10.7.0.9/24');
    const ways = () => [
      views.onGateway(inner.id, '10.7.0.9'),
      views.onShared('10.7.0.9'),
      views.onBehalfOf('10.7.0.9'),
      views.asContainer(c9),
    ];
    expect(ways().map(outside)).toEqual(['denied', 'denied', 'denied', 'denied']);
    expect(ways().map((asker) => tell(asker, 'x'))).toEqual(Array(4).fill('hosts 10.7.0.9@inner soa .'));
    const before = names.endpointsOf(bar.id);
    join(bar, c9, '192.168.16.9/20');
    expect([...ways(), views.onGateway(bar.id, '192.168.16.9')].map(outside)).toEqual(
      Array(5).fill('forward'),
    );
    names.set(bar, before);
    expect(ways().map(outside)).toEqual(['denied', 'denied', 'denied', 'denied']);
  });

  it('nor does an address there that is no container’s, and the host only by its own listener', () => {
    expect(outside(views.onGateway(inner.id, '10.7.0.77'))).toBe('denied');
    expect(outside(views.onGateway(inner.id, '127.0.0.1'))).toBe('denied');
    expect(outside(views.onShared('10.7.0.77'))).toBe('denied');
    expect(outside(views.onBehalfOf('10.7.0.77'))).toBe('denied');
    expect(outside(views.onHost('127.0.0.1'))).toBe('forward');
    expect(outside(views.onBehalfOf('203.0.113.5'))).toBe('forward');
  });

  it('whatever the network is called: one that DNS cannot name has its short id for a name', () => {
    const odd = { ...makeNetwork('l'.repeat(64), '10.8.0.0/24'), internal: true };
    names.set(odd, []);
    join(odd, c3, '10.8.0.2/24');
    join(inner, nextId('aa'), '10.7.0.3/24');
    expect(tell(views.onGateway(odd.id, '10.8.0.2'), `x.${odd.id.slice(0, 12)}`)).toMatch(
      /^hosts 10\.8\.0\.2@/,
    );
    names.set(bar, []);
    expect(outside(views.onGateway(odd.id, '10.8.0.2'))).toBe('denied');
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

  it('nor does anybody lose them to one who asks for names without end', () => {
    const [quiet, greedy] = [views.asContainer(c1).view, views.asContainer(c3).view];
    views.keep(quiet, 'kept', 'forward');
    for (let n = 0; n < 40_000; n++) views.keep(greedy, `name ${n}`, 'forward');
    expect(quiet.ready.has('kept')).toBe(true);
    expect(greedy.ready.size).toBeLessThan(10_000);
    expect(views.asContainer(c1).view).toBe(quiet);
  });

  it('are seen as by one who has never asked before, whatever was asked meanwhile', () => {
    const networks = ['n0', 'n1', 'n2'].map((name, n) => ({
      ...makeNetwork(name, `10.${n}.0.0/24`),
      internal: n === 1,
    }));
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
    const asked = [
      'a',
      'b',
      'a.n0',
      'x.w',
      'b.n2',
      'x.n1',
      '2.0.1.10.in-addr.arpa',
      'l',
      'b.gone.n1',
      'x.example',
    ];
    const see = (by: Views) => [
      ...networks.flatMap(({ id }, n) =>
        addresses.flatMap((last) => [
          by.onGateway(id, `10.${n}.0.${last}`),
          by.onBehalfOf(`10.${n}.0.${last}`),
        ]),
      ),
      ...containers.map((id) => by.asContainer(id)),
      by.onHost('127.0.0.1'),
    ];
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        const changing = new FakeNames();
        const old = new NameTable(changing);
        const kept = new Views(old, nowhere);
        const answers = new Map<View, Map<string, string>>();
        const remembered = (asker: Asker | undefined, name: string) => {
          if (!asker) return tell(asker, name);
          const known = answers.get(asker.view) ?? new Map<string, string>();
          const answer = known.get(name) ?? tell(asker, name, options, old);
          answers.set(asker.view, known.set(name, answer));
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
          const told = see(kept).map((asker) => asked.map((name) => remembered(asker, name)));
          const wanted = see(new Views(fresh, nowhere)).map((asker) =>
            asked.map((name) => tell(asker, name, options, fresh)),
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
    expect(tell(views.onBehalfOf('172.18.0.8'), 'c2')).toBe('hosts 172.18.0.3@foo soa .');
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
    expect(tell(views.onHost('127.0.0.1'), 'web.dev')).toBe('forward');
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
  expect(tell(views.onHost('127.0.0.1'), 'web.live')).toBe('no-name soa live');
  await directory.close();
  await store.close();
});
