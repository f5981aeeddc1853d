import { describe, expect, test } from 'vitest';
import type { Driver, Peer } from '../../drivers/driver.ts';
import { createDrivers } from '../../drivers/index.ts';
import type { Endpoint, Network } from '../../src/cluster/records.ts';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import type { NetworkRules } from '../../src/dataplane/firewall.ts';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import { sandboxName } from '../../src/dataplane/names.ts';
import { hostSandbox } from '../../src/dataplane/sandboxes.ts';
import type { TunnelEntries } from '../../src/dataplane/tunnels.ts';
import { familyOf } from '../../src/lib/addresses.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { endpointOf, networkOf } from '../contract/driver.ts';
import type { TestHost } from '../rig/namespace.ts';
import { Underlay } from '../rig/underlay.ts';

/** Three hosts on one wire, the driver on each, peers told by hand: what moves in the kernel. */
if ((await probeLinux()).ok) describe('packets of an overlay network', { timeout: 60_000 }, packetTests);
else
  test('the linux data plane does not work here, and says so', async () =>
    expect((await probeLinux()).ok).toBe(false));

class Node {
  readonly #endpoints = new Map<string, readonly Endpoint[]>();

  private constructor(
    readonly host: TestHost,
    readonly address: string,
    readonly dataplane: Dataplane,
    readonly driver: Driver,
  ) {}

  static async open(host: TestHost, address: string): Promise<Node> {
    const options = { tag: host.tag, log: silentLogger, hostNamespace: host.path, trustFirewallFor: 0 };
    const dataplane = await openLinuxDataplane(options);
    const driver = createDrivers({ dataplane, tag: host.tag, advertise: () => address })('overlay');
    return new Node(host, address, dataplane, driver);
  }

  async setUp(...networks: Network[]): Promise<void> {
    for (const network of networks) await this.driver.ensureNetwork(network);
    const rules = networks.flatMap((network) => this.driver.firewall?.(network) ?? []);
    await this.applyFirewall(...rules);
  }

  async applyFirewall(...networks: readonly NetworkRules[]): Promise<void> {
    const all = [1, 2, 3].map((number) => Underlay.address(number, familyOf(this.address)));
    await this.dataplane.applyFirewall({ networks, nodes: all.filter((other) => other !== this.address) });
  }

  async attach(network: Network, endpoint: Endpoint): Promise<void> {
    const { interface: given, gateway, gateway6, routes } = await this.driver.join(network, endpoint);
    if (!given) throw new Error('an overlay gives an interface');
    const { source, mtu = 0, mac = '' } = given;
    const addresses = [endpoint.ipv4, endpoint.ipv6].filter((address) => address !== undefined);
    await this.dataplane.ensureSandbox(endpoint.containerId);
    await this.dataplane.plug(endpoint.containerId, { name: 'eth0', source, addresses, mtu, mac, routes });
    const defaults = { ...(gateway ? { ipv4: gateway } : {}), ...(gateway6 ? { ipv6: gateway6 } : {}) };
    await this.dataplane.setDefaultRoutes(endpoint.containerId, defaults);
    this.#endpoints.set(network.id, [...this.endpoints(network), endpoint]);
  }

  async detach(network: Network, endpoint: Endpoint): Promise<void> {
    await this.driver.leave(network, endpoint);
    await this.dataplane.removeSandbox(endpoint.containerId);
    this.#endpoints.set(
      network.id,
      this.endpoints(network).filter(({ id }) => id !== endpoint.id),
    );
  }

  endpoints(network: Network): readonly Endpoint[] {
    return this.#endpoints.get(network.id) ?? [];
  }

  vxlan(network: Network): string {
    return this.driver.interfaces?.(network)[1] ?? '';
  }

  /** Standard output of a program inside the endpoint's sandbox. */
  in({ containerId }: Endpoint, program: string, ...args: string[]): Promise<string> {
    return this.host.runIn(sandboxName(this.host.tag, containerId), program, ...args);
  }

  async pings({ containerId }: Endpoint, address: string): Promise<boolean> {
    return (await this.dataplane.reach(containerId, { address })).reachable;
  }
}

interface Cluster extends AsyncDisposable {
  readonly underlay: Underlay;
  readonly nodes: readonly [Node, Node, Node];
}

async function openCluster(family: 4 | 6 = 4): Promise<Cluster> {
  const underlay = await Underlay.create(3);
  const open = (number: number) => Node.open(underlay.host(number), Underlay.address(number, family));
  const nodes = [await open(1), await open(2), await open(3)] as const;
  return { underlay, nodes, [Symbol.asyncDispose]: () => underlay[Symbol.asyncDispose]() };
}

/** What src/network/host/peers.ts does on each node when the directory changes. */
async function tellPeers(network: Network, nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) {
    const others = nodes.filter((other) => other !== node);
    const peers: Peer[] = others.flatMap((other) =>
      other.endpoints(network).map((endpoint) => ({ endpoint, via: other.address })),
    );
    await node.driver.setPeers?.(network, peers);
  }
}

/** A network with one endpoint on each node: 10.1.0.2, .3 and .4. */
async function mesh({ nodes }: Cluster, change: Partial<Network> = {}) {
  const network = networkOf(nodes[0].driver, change);
  const endpoints = [endpointOf(network, 2), endpointOf(network, 3), endpointOf(network, 4)] as const;
  for (const [i, node] of nodes.entries()) {
    await node.setUp(network);
    const endpoint = endpoints[i];
    if (endpoint) await node.attach(network, endpoint);
  }
  await tellPeers(network, nodes);
  return { network, endpoints };
}

async function expectMesh({ nodes }: Cluster, endpoints: readonly Endpoint[]): Promise<void> {
  for (const [i, node] of nodes.entries()) {
    const me = endpoints[i];
    if (!me) continue;
    for (const last of [2, 3, 4]) {
      expect(await node.pings(me, `10.1.0.${last}`), `node ${i + 1} → 10.1.0.${last}`).toBe(true);
      expect(await node.pings(me, `fd00:1::${last}`), `node ${i + 1} → fd00:1::${last}`).toBe(true);
    }
  }
}

function asSets({ bridged, forwarding, neighbours }: TunnelEntries) {
  return { bridged: new Set(bridged), forwarding: new Set(forwarding), neighbours: new Set(neighbours) };
}

function packetTests(): void {
  for (const family of [4, 6] as const) {
    test(`every endpoint reaches every other, IPv${family} underneath, in packets as large as promised`, async () => {
      await using cluster = await openCluster(family);
      const { endpoints } = await mesh(cluster);
      await expectMesh(cluster, endpoints);
      const [node] = cluster.nodes;
      const mtu = family === 4 ? 1450 : 1430;
      expect((await node.host.link('eth0', sandboxName(node.host.tag, endpoints[0].containerId))).mtu).toBe(
        mtu,
      );
      // IP 20 and ICMP 8: exactly one packet of the MTU, which must not be fragmented, in or out.
      const largest = String(mtu - 28);
      await node.in(endpoints[0], 'ping', '-n', '-c1', '-W1', '-Mdo', '-s', largest, '10.1.0.3');
      const tooLarge = String(mtu - 27);
      const sent = node.in(endpoints[0], 'ping', '-n', '-c1', '-W1', '-Mdo', '-s', tooLarge, '10.1.0.3');
      await expect(sent).rejects.toThrow(`message too long, mtu=${mtu}`);
    });
  }

  test('frames that come by the packet filter on their way through the bridge pass it', async () => {
    await using cluster = await openCluster();
    for (const { host } of cluster.nodes) {
      const settings = ['iptables', 'ip6tables'].map((family) => `net.bridge.bridge-nf-call-${family}=1`);
      await host.run('sysctl', '-qw', ...settings);
    }
    const { endpoints } = await mesh(cluster);
    await expectMesh(cluster, endpoints);
    expect(await cluster.nodes[0].pings(endpoints[0], '192.0.2.2')).toBe(true);
  });

  test('the path is told, and why it ends', async () => {
    await using cluster = await openCluster();
    const { network, endpoints } = await mesh(cluster);
    const [one, two] = cluster.nodes;
    const [bridge, vxlan] = one.driver.interfaces?.(network) ?? [];
    const ask = (from: string) => one.dataplane.reach(from, { address: '10.1.0.3' });
    const path = ['eth0', `${bridge} (bridge)`, `${vxlan} (vxlan)`, 'node 192.0.2.2'];
    const { containerId } = endpoints[0];
    expect(await ask(containerId)).toEqual({ reachable: true, path: [...path, '10.1.0.3'] });
    expect(await ask(hostSandbox)).toMatchObject({
      reachable: false,
      reason: '10.1.0.3 is on node 192.0.2.2, whose own gateway would get the answer: ask from a container',
    });
    await two.host.run('nft', 'add table inet closed');
    await two.host.run('nft', 'add chain inet closed in { type filter hook input priority -300; }');
    await two.host.run('nft', 'add rule inet closed in udp dport 4789 drop');
    expect(await ask(containerId)).toEqual({
      reachable: false,
      path,
      reason: 'no answer from 10.1.0.3 on node 192.0.2.2: is UDP port 4789 open between the nodes?',
    });
    await two.host.run('nft', 'delete table inet closed');
  });

  test('nothing floods: what is not for a sandbox does not come to it', async () => {
    await using cluster = await openCluster();
    const { network, endpoints } = await mesh(cluster);
    const [one, two] = cluster.nodes;
    const witness = endpointOf(network, 9);
    await one.attach(network, witness);
    await tellPeers(network, cluster.nodes);
    const nft = (...words: string[]) => one.in(witness, 'nft', ...words);
    await nft('add table netdev seen');
    await nft('add chain netdev seen in { type filter hook ingress device "eth0" priority 0; }');
    await nft('add rule netdev seen in ip protocol icmp counter');
    const ping = (node: Node, from: Endpoint, to: string) =>
      node.in(from, 'ping', '-n', '-c20', '-i0.01', to);
    await ping(one, endpoints[0], '10.1.0.3');
    await ping(two, endpoints[1], '10.1.0.2');
    expect(await nft('list', 'table', 'netdev', 'seen')).toContain('packets 0 ');
    await ping(two, endpoints[1], '10.1.0.9');
    expect(await nft('list', 'table', 'netdev', 'seen')).toContain('packets 20 ');
  });

  test('the gateway answers on every host, with one MAC', async () => {
    await using cluster = await openCluster();
    const { endpoints } = await mesh(cluster);
    for (const [i, node] of cluster.nodes.entries()) {
      const me = endpoints[i] ?? endpoints[0];
      expect(await node.pings(me, '10.1.0.1')).toBe(true);
      expect(await node.in(me, 'ip', 'neigh', 'show', '10.1.0.1')).toContain('lladdr 02:42:0a:01:00:01');
    }
  });

  test('the way out is the own host, and an internal network has none', async () => {
    await using cluster = await openCluster();
    const { network, endpoints } = await mesh(cluster);
    const [one] = cluster.nodes;
    // Host 2 has no route to 10.1.0.2 but by its own bridge: an answer proves that host 1 masqueraded.
    expect(await one.pings(endpoints[0], '192.0.2.2')).toBe(true);
    const rules = one.driver.firewall?.({ ...network, internal: true });
    await one.applyFirewall(...(rules ? [rules] : []));
    expect(await one.pings(endpoints[0], '192.0.2.2')).toBe(false);
    expect(await one.pings(endpoints[0], '10.1.0.3')).toBe(true);
  });

  test('a sandbox can forge no frames of another network', async () => {
    await using cluster = await openCluster();
    const { endpoints } = await mesh(cluster);
    const [one, two] = cluster.nodes;
    await two.host.run('nft', 'add table inet seen');
    await two.host.run('nft', 'add chain inet seen in { type filter hook input priority -300; }');
    await two.host.run('nft', 'add rule inet seen in udp dport 4789 udp length 9 counter');
    const send =
      "const s=require('dgram').createSocket('udp4');s.send('x',4789,process.argv[1],()=>s.close())";
    const forge = (address: string) => one.in(endpoints[0], process.execPath, '-e', send, address);
    for (const address of ['192.0.2.2', '192.0.2.1']) await forge(address);
    expect(await two.host.run('nft', 'list', 'chain', 'inet', 'seen', 'in')).toContain('packets 0 ');
    await one.dataplane.applyFirewall({ networks: [] });
    await one.host.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
    await two.host.run('ip', 'route', 'add', '10.1.0.2/32', 'via', '192.0.2.1');
    await forge('192.0.2.2');
    await expect
      .poll(() => two.host.run('nft', 'list', 'chain', 'inet', 'seen', 'in'))
      .toContain('packets 1 ');
  });

  test('two networks on the same hosts do not meet', async () => {
    await using cluster = await openCluster();
    const { network, endpoints } = await mesh(cluster);
    const pools = [{ subnet: '10.2.0.0/24', gateway: '10.2.0.1', auxAddresses: {} }];
    const ipam = { driver: 'default', options: {}, pools };
    const other = networkOf(cluster.nodes[0].driver, { vni: 4098, ipam });
    const { ipv6: _, ...stranger } = {
      ...endpointOf(other, 2),
      ipv4: '10.2.0.2/24',
      mac: '02:42:0a:02:00:02',
    };
    const [one, two] = cluster.nodes;
    for (const node of [one, two]) await node.setUp(network, other);
    await two.attach(other, stranger);
    await tellPeers(other, cluster.nodes.slice(0, 2));
    expect(await one.pings(endpoints[0], '10.2.0.2')).toBe(false);
    expect(await two.pings(stranger, '10.1.0.2')).toBe(false);
    expect(await two.pings(stranger, '10.1.0.3')).toBe(false);
  });

  test('an endpoint that moves is found in its new place by the first packet', async () => {
    await using cluster = await openCluster();
    const { network, endpoints } = await mesh(cluster);
    const [one, two, three] = cluster.nodes;
    const [first, mover, third] = endpoints;
    let [here, there] = [two, one] as const;
    for (let moves = 0; moves < 6; moves += 1) {
      // It has spoken and been spoken to in its old place: whatever could have learned of it has.
      expect(await three.pings(third, '10.1.0.3')).toBe(true);
      expect(await here.pings(mover, '10.1.0.4')).toBe(true);
      await here.detach(network, mover);
      await there.attach(network, mover);
      await tellPeers(network, cluster.nodes);
      expect(await three.pings(third, '10.1.0.3'), `move ${moves}, from host 3`).toBe(true);
      if (there !== one) expect(await one.pings(first, '10.1.0.3'), `move ${moves}, from host 1`).toBe(true);
      [here, there] = [there, here];
    }
    // Back on host 2: hosts 1 and 3 say so, and host 2 has no entry of its own endpoint.
    for (const [node, via] of [
      [one, '192.0.2.2'],
      [three, '192.0.2.2'],
      [two, undefined],
    ] as const) {
      const { forwarding } = await node.dataplane.tunnelEntries(node.vxlan(network));
      expect(forwarding.find(({ mac }) => mac === mover.mac)?.via).toBe(via);
    }
  });

  test('what was broken by hand is repaired by doing it again', async () => {
    await using cluster = await openCluster();
    const { network, endpoints } = await mesh(cluster);
    const [one] = cluster.nodes;
    const vxlan = one.vxlan(network);
    const fdb = (...args: string[]) => one.host.run('bridge', 'fdb', ...args);
    const neighbour = (...args: string[]) => one.host.run('ip', 'neigh', ...args, 'dev', vxlan);
    const link = (...args: string[]) => one.host.run('ip', 'link', ...args);
    const mac = '02:42:0a:01:00:03';
    const sound = await one.dataplane.tunnelEntries(vxlan);
    const damage: Record<string, () => Promise<unknown>> = {
      'an entry deleted': () => fdb('del', mac, 'dev', vxlan, 'self'),
      'an entry that leads elsewhere': () =>
        fdb('replace', mac, 'dev', vxlan, 'dst', '192.0.2.77', 'self', 'permanent'),
      'an entry that expires': () => fdb('replace', mac, 'dev', vxlan, 'dst', '192.0.2.2', 'self', 'dynamic'),
      'a flood entry': () =>
        fdb('append', '00:00:00:00:00:00', 'dev', vxlan, 'dst', '192.0.2.3', 'self', 'permanent'),
      'an entry of the bridge deleted': () => fdb('del', mac, 'dev', vxlan, 'master'),
      'a neighbour deleted': () => neighbour('del', '10.1.0.3'),
      'a neighbour with a wrong MAC': () =>
        neighbour('replace', '10.1.0.3', 'lladdr', '02:00:00:00:00:09', 'nud', 'permanent'),
      'a neighbour that expires': () => neighbour('replace', '10.1.0.3', 'lladdr', mac, 'nud', 'reachable'),
      'a neighbour too many': () =>
        neighbour('add', '10.1.0.99', 'lladdr', '02:42:0a:01:00:63', 'nud', 'permanent'),
      'the device deleted': () => link('del', vxlan),
      'the device down': () => link('set', vxlan, 'down'),
      'the device out of its bridge': () => link('set', vxlan, 'nomaster'),
      'another device of its name': async () => {
        await link('del', vxlan);
        await link('add', vxlan, 'type', 'vxlan', 'id', '77', 'dstport', '4789', 'local', '192.0.2.1');
      },
      'the device learning': () => link('set', 'dev', vxlan, 'type', 'bridge_slave', 'learning', 'on'),
      'a wrong MTU': () => link('set', vxlan, 'mtu', '1200'),
    };
    for (const [what, damages] of Object.entries(damage)) {
      await damages();
      await one.driver.ensureNetwork(network);
      await tellPeers(network, cluster.nodes);
      expect(asSets(await one.dataplane.tunnelEntries(vxlan)), what).toEqual(asSets(sound));
      expect(await one.host.link(vxlan), what).toMatchObject({
        up: true,
        mtu: 1450,
        master: expect.any(String),
      });
      expect(await one.pings(endpoints[0], '10.1.0.3'), what).toBe(true);
    }
  });

  test('somebody else with the VXLAN id is a conflict, and is left alone', async () => {
    await using cluster = await openCluster();
    const [{ host, driver }] = cluster.nodes;
    await host.run(
      'ip',
      'link',
      'add',
      'theirs',
      'type',
      'vxlan',
      'id',
      '4097',
      'dstport',
      '4789',
      'local',
      '192.0.2.1',
    );
    await expect(driver.ensureNetwork(networkOf(driver))).rejects.toMatchObject({
      kind: 'conflict',
      message: 'VXLAN id 4097 on UDP port 4789 is in use on this host by another device',
    });
    expect(await host.linkNames()).toContain('theirs');
  });

  test('an address that is not of this host is no way to advertise', async () => {
    await using cluster = await openCluster();
    const [{ host }] = cluster.nodes;
    const { driver } = await Node.open(host, '203.0.113.7');
    await expect(driver.ensureNetwork(networkOf(driver))).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(
        /^--advertise 203\.0\.113\.7: no interface of this host has this address/,
      ),
    });
  });

  test('after removal nothing is left on any host', async () => {
    await using cluster = await openCluster();
    const { network, endpoints } = await mesh(cluster);
    for (const [i, node] of cluster.nodes.entries()) {
      const me = endpoints[i];
      if (me) await node.detach(network, me);
      await node.driver.removeNetwork(network);
      await node.dataplane.applyFirewall({ networks: [] });
      expect(await node.host.linkNames()).toEqual(['up0']);
      expect(await node.host.run('nft', 'list', 'ruleset')).toBe('');
      expect(await node.host.sandboxes()).toEqual([]);
    }
  });
}
