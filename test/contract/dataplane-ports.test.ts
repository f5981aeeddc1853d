import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import type { NetworkRules, PortRule } from '../../src/dataplane/firewall.ts';
import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import { bridgeName, hostEndName, sandboxName } from '../../src/dataplane/names.ts';
import { newId } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { ask, Echo } from '../rig/echo.ts';
import { TestHost } from '../rig/namespace.ts';

/** Published ports with packets: what the firewall redirects, from where, and what the target sees. */
describe('published ports in the kernel', () => {
  let host: TestHost;
  let outside: TestHost;
  let dataplane: Dataplane;
  let web: string;
  let mate: string;
  let stranger: string;
  let sealed: string;
  /** Host ends by namespace. */
  const ends = new Map<string, string>();
  const echoes: Echo[] = [];

  beforeAll(async () => {
    host = await TestHost.create();
    outside = await TestHost.create();
    await host.wire({ device: 'up0', address: '192.0.2.1/24' }, outside, {
      device: 'up0',
      address: '192.0.2.2/24',
    });
    await host.run('ip', 'addr', 'add', '2001:db8::1/64', 'dev', 'up0', 'nodad');
    await outside.run('ip', 'addr', 'add', '2001:db8::2/64', 'dev', 'up0', 'nodad');
    dataplane = await openLinuxDataplane({
      tag: host.tag,
      log: silentLogger,
      hostNamespace: host.path,
      trustFirewallFor: 0,
    });
    const [one, two, three] = [await network(1), await network(2), await network(3, { internal: true })];
    web = await sandbox(one, 1, 2);
    mate = await sandbox(one, 1, 3);
    stranger = await sandbox(two, 2, 2);
    sealed = await sandbox(three, 3, 2);
    await dataplane.applyFirewall({ networks: [one, two, three], ports: rulesFor(one.bridge) });
    echoes.push(await Echo.start(`/run/netns/${web}`, 80, 'web'));
    // A service of the host's loopback, and one of its own on every address.
    echoes.push(await Echo.start(host.path, 9999, 'host'));
  });

  afterAll(async () => {
    for (const echo of echoes) await echo[Symbol.asyncDispose]();
    await dataplane.close();
    await outside[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  async function network(number: number, change: Partial<NetworkRules> = {}): Promise<NetworkRules> {
    const bridge = bridgeName(host.tag, newId());
    const addresses = [`10.${number}.0.1/24`, `fd00:${number}::1/64`];
    await dataplane.ensureBridge({ name: bridge, addresses, mtu: 1500 });
    const subnets = [`10.${number}.0.0/24`, `fd00:${number}::/64`];
    return { bridge, subnets, internal: false, masquerade: true, icc: true, ...change };
  }

  /** Returns its namespace. */
  async function sandbox({ bridge, internal }: NetworkRules, number: number, last: number): Promise<string> {
    const id = newId();
    await dataplane.ensureSandbox(id);
    const source = { kind: 'veth', hostName: hostEndName(host.tag, newId()), bridge } as const;
    const addresses = [`10.${number}.0.${last}/24`, `fd00:${number}::${last}/64`];
    await dataplane.plug(id, { name: 'eth0', source, addresses });
    // An internal network offers no way out; with a route all the same, the rules have to hold.
    await dataplane.setDefaultRoutes(id, { ipv4: `10.${number}.0.1`, ipv6: `fd00:${number}::1` });
    if (internal) expect(number).toBe(3);
    const namespace = sandboxName(host.tag, id);
    ends.set(namespace, source.hostName);
    return namespace;
  }

  function rulesFor(bridge: string): PortRule[] {
    const both = ['tcp', 'udp'] as const;
    const rule = (address: string, port: number, target: string) =>
      both.map((protocol) => ({
        published: { protocol, address, port },
        target: { address: target, port: 80 },
        bridge,
        hostEnd: ends.get(web) ?? '',
      }));
    return [
      ...rule('0.0.0.0', 8080, '10.1.0.2'),
      ...rule('::', 8080, 'fd00:1::2'),
      ...rule('192.0.2.1', 8081, '10.1.0.2'),
      ...rule('127.0.0.1', 8082, '10.1.0.2'),
    ];
  }

  const asking = {
    'from outside': () => outside.path,
    'from the host': () => host.path,
    'from a container of another network': () => `/run/netns/${stranger}`,
    'from a container of the same network': () => `/run/netns/${mate}`,
    'from the target itself': () => `/run/netns/${web}`,
    'from an internal network': () => `/run/netns/${sealed}`,
  };

  it.each([
    ['from outside', '192.0.2.1', 8080, 'web 192.0.2.2'],
    ['from outside', '2001:db8::1', 8080, 'web 2001:db8::2'],
    ['from outside', '192.0.2.1', 8081, 'web 192.0.2.2'],
    ['from outside', '192.0.2.1', 8082, 'ECONNREFUSED'],
    ['from the host', '127.0.0.1', 8080, 'web 10.1.0.1'],
    ['from the host', '127.8.8.8', 8080, 'web 10.1.0.1'],
    ['from the host', '192.0.2.1', 8080, 'web 192.0.2.1'],
    ['from the host', '2001:db8::1', 8080, 'web 2001:db8::1'],
    ['from the host', '10.1.0.1', 8080, 'web 10.1.0.1'],
    ['from the host', '127.0.0.1', 8082, 'web 10.1.0.1'],
    ['from the host', '127.0.0.1', 8081, 'ECONNREFUSED'],
    ['from a container of another network', '192.0.2.1', 8080, 'web 10.1.0.1'],
    ['from a container of another network', '10.2.0.1', 8080, 'web 10.1.0.1'],
    ['from a container of another network', '2001:db8::1', 8080, 'web fd00:1::1'],
    ['from a container of the same network', '192.0.2.1', 8080, 'web 10.1.0.1'],
    ['from a container of the same network', '10.1.0.1', 8080, 'web 10.1.0.1'],
    ['from the target itself', '192.0.2.1', 8080, 'web 10.1.0.1'],
    ['from an internal network', '10.3.0.1', 8080, 'silence'],
  ] as const)('%s: %s port %i → %s', async (from, address, port, expected) => {
    for (const protocol of ['tcp', 'udp'] as const) {
      // A datagram that is refused comes back as an ICMP error, which an unconnected socket does not see.
      const said = protocol === 'udp' && expected === 'ECONNREFUSED' ? 'silence' : expected;
      expect(await ask(asking[from](), protocol, address, port), protocol).toBe(said);
    }
  });

  it('opens nothing else: not the target’s address from elsewhere, not the host’s loopback from a container', async () => {
    await outside.run('ip', 'route', 'add', '10.1.0.0/24', 'via', '192.0.2.1');
    expect(await ask(outside.path, 'tcp', '10.1.0.2', 80)).toBe('silence');
    expect(await ask(`/run/netns/${stranger}`, 'tcp', '10.1.0.2', 80)).toBe('silence');
    // Sent over the wire with the loopback as destination, which route_localnet would let in.
    await host.runIn(web, 'ip', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo');
    await host.runIn(web, 'sysctl', '-qw', 'net.ipv4.conf.eth0.route_localnet=1');
    await host.runIn(web, 'ip', 'route', 'add', '127.0.0.1', 'via', '10.1.0.1', 'src', '10.1.0.2');
    expect(await ask(`/run/netns/${web}`, 'tcp', '10.1.0.1', 9999)).toBe('host 10.1.0.2');
    expect(await ask(`/run/netns/${web}`, 'tcp', '127.0.0.1', 9999)).toBe('silence');
    expect(await ask(`/run/netns/${web}`, 'tcp', '127.0.0.1', 8082)).toBe('silence');
  });

  it('closes a port with the next rules, and opens one by adding it', async () => {
    const networks = [await network(4)];
    const [bridge] = networks.map((each) => each.bridge);
    const target = sandboxName(host.tag, await idOn(networks[0]));
    await using _echo = await Echo.start(`/run/netns/${target}`, 80, 'four');
    const rule = (port: number) => ({
      published: { protocol: 'tcp' as const, address: '0.0.0.0', port },
      target: { address: '10.4.0.2', port: 80 },
      bridge: bridge ?? '',
    });
    await dataplane.applyFirewall({ networks, ports: [rule(7001)] });
    await dataplane.applyFirewall({ networks, ports: [rule(7001), rule(7002)] });
    expect(await ask(outside.path, 'tcp', '192.0.2.1', 7001)).toBe('four 192.0.2.2');
    expect(await ask(outside.path, 'tcp', '192.0.2.1', 7002)).toBe('four 192.0.2.2');
    await dataplane.applyFirewall({ networks, ports: [rule(7002)] });
    expect(await ask(outside.path, 'tcp', '192.0.2.1', 7001)).toBe('ECONNREFUSED');
    expect(await ask(outside.path, 'tcp', '192.0.2.1', 7002)).toBe('four 192.0.2.2');
  });

  async function idOn(rules: NetworkRules | undefined): Promise<string> {
    const id = newId();
    await dataplane.ensureSandbox(id);
    const source = {
      kind: 'veth',
      hostName: hostEndName(host.tag, newId()),
      bridge: rules?.bridge ?? '',
    } as const;
    await dataplane.plug(id, { name: 'eth0', source, addresses: ['10.4.0.2/24'] });
    await dataplane.setDefaultRoutes(id, { ipv4: '10.4.0.1' });
    return id;
  }
});
