import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import type { NetworkRules } from '../../src/dataplane/firewall.ts';
import type { Plug } from '../../src/dataplane/links.ts';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import {
  bridgeName,
  detachedPeerName,
  hostEndName,
  sandboxName,
  tableName,
} from '../../src/dataplane/names.ts';
import { hostSandbox } from '../../src/dataplane/sandboxes.ts';
import { newId } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';

const memories = mkdtempSync(join(tmpdir(), 'flt-memory-'));
afterAll(() => rmSync(memories, { recursive: true }));

/** What the kernel holds, which the suite for both data planes cannot ask. */
if ((await probeLinux()).ok)
  describe('the linux data plane in the kernel', { concurrent: true, timeout: 60_000 }, kernelTests);
else
  test('the linux data plane does not work here, and says so', async () =>
    expect((await probeLinux()).ok).toBe(false));

interface Setup {
  readonly host: TestHost;
  readonly dataplane: Dataplane;
  readonly rules: NetworkRules;
  readonly id: string;
  /** Of the sandbox. */
  readonly namespace: string;
  readonly plug: Plug & { readonly source: { readonly kind: 'veth' } };
}

function open(host: TestHost, tag = host.tag): Promise<Dataplane> {
  const memory = join(memories, `${host.name}-${tag}`);
  const options = { log: silentLogger, hostNamespace: host.path, trustFirewallFor: 0, memory };
  return openLinuxDataplane({ tag, ...options });
}

/** A network 10.1.0.0/24 with one sandbox, 10.1.0.2. */
async function setUp(host: TestHost, change: Partial<NetworkRules> = {}): Promise<Setup> {
  const dataplane = await open(host);
  const bridge = bridgeName(host.tag, newId());
  const rules = {
    bridge,
    subnets: ['10.1.0.0/24', 'fd00:1::/64'],
    internal: false,
    masquerade: true,
    icc: true,
  };
  await dataplane.ensureBridge({ name: bridge, addresses: ['10.1.0.1/24', 'fd00:1::1/64'], mtu: 1500 });
  await dataplane.applyFirewall({ networks: [{ ...rules, ...change }] });
  const id = newId();
  const plug = {
    name: 'eth0',
    source: { kind: 'veth', hostName: hostEndName(host.tag, newId()), bridge },
    addresses: ['10.1.0.2/24', 'fd00:1::2/64'],
    mac: '02:42:0a:01:00:02',
    mtu: 1400,
  } as const;
  await dataplane.ensureSandbox(id);
  await dataplane.plug(id, plug);
  await dataplane.setDefaultRoutes(id, { ipv4: '10.1.0.1', ipv6: 'fd00:1::1' });
  return { host, dataplane, rules: { ...rules, ...change }, id, namespace: sandboxName(host.tag, id), plug };
}

async function expectSound({ host, namespace, plug, rules }: Setup): Promise<void> {
  expect(await host.link('eth0', namespace)).toMatchObject({
    up: true,
    mtu: 1400,
    address: '02:42:0a:01:00:02',
    addresses: ['10.1.0.2/24', 'fd00:1::2/64'],
  });
  expect(await host.link(plug.source.hostName)).toMatchObject({ up: true, master: rules.bridge });
  expect(await host.linkNames(namespace)).toEqual(['eth0']);
}

function kernelTests(): void {
  test('a plug has the addresses, MAC and MTU asked for, and its sandbox the settings', async () => {
    await using host = await TestHost.create();
    const setup = await setUp(host);
    await expectSound(setup);
    expect((await host.link('lo', setup.namespace)).up).toBe(true);
    const conf = '/proc/sys/net/ipv4/conf/all';
    const names = ['arp_ignore', 'arp_announce', 'rp_filter', 'arp_notify'];
    const settings = names.map((name) => `${conf}/${name}`);
    expect(await host.runIn(setup.namespace, 'cat', ...settings)).toBe('1\n2\n2\n1\n');
  });

  test('a repeated plug repairs what was broken and keeps the interface', async () => {
    await using host = await TestHost.create();
    const setup = await setUp(host);
    const { namespace, plug, dataplane, id } = setup;
    const before = await host.link('eth0', namespace);
    await host.runIn(namespace, 'ip', 'addr', 'flush', 'dev', 'eth0');
    await host.runIn(namespace, 'ip', 'addr', 'add', '10.9.9.9/24', 'dev', 'eth0');
    await host.runIn(
      namespace,
      'ip',
      'link',
      'set',
      'eth0',
      'down',
      'address',
      '02:00:00:00:00:09',
      'mtu',
      '1300',
    );
    await host.run('ip', 'link', 'set', plug.source.hostName, 'down', 'nomaster');
    await dataplane.plug(id, plug);
    await expectSound(setup);
    expect((await host.link('eth0', namespace)).ifindex).toBe(before.ifindex);
  });

  test('a host end left by a process that was killed half way is replaced', async () => {
    await using host = await TestHost.create();
    const setup = await setUp(host);
    const { dataplane, id, plug } = setup;
    await dataplane.unplug(id, plug);
    await host.run('ip', 'link', 'add', plug.source.hostName, 'type', 'veth', 'peer', 'name', 'stray');
    await dataplane.plug(id, plug);
    await expectSound(setup);
    expect(await host.linkNames()).toEqual([setup.rules.bridge, plug.source.hostName]);
  });

  test('a namespace file without a namespace is replaced', async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    const id = newId();
    await host.run('touch', dataplane.sandboxPath(id));
    await dataplane.ensureSandbox(id);
    expect(await host.linkNames(sandboxName(host.tag, id))).toEqual([]);
    expect((await dataplane.owned()).sandboxes).toEqual([id.slice(0, 12)]);
  });

  test('the network namespace of a process becomes a sandbox that is not there yet, and no other', async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    const id = newId();
    const owners = [1, 2].map(() => spawn('unshare', ['--net', 'sleep', '60']));
    try {
      const [first = 0, second = 0] = owners.map(({ pid = 0 }) => pid);
      const own = statSync('/proc/self/ns/net').ino;
      const inodes = () => [first, second].map((pid) => statSync(`/proc/${pid}/ns/net`).ino);
      const [one] = await until('both have one', inodes, (each) => !each.includes(own));
      await dataplane.ensureSandbox(id, first);
      await dataplane.ensureSandbox(id, second);
      expect(statSync(dataplane.sandboxPath(id)).ino).toBe(one);
      expect((await host.link('lo', sandboxName(host.tag, id))).up).toBe(true);
    } finally {
      for (const owner of owners) owner.kill('SIGKILL');
    }
    await dataplane.removeSandbox(id);
    expect((await dataplane.owned()).sandboxes).toEqual([]);
  });

  test('an existing interface is lent to the sandbox and comes back under its name', async () => {
    await using host = await TestHost.create();
    const { dataplane, id, namespace } = await setUp(host);
    await host.run('ip', 'link', 'add', 'plugin0', 'type', 'veth', 'peer', 'name', 'plugin1');
    const plug: Plug = {
      name: 'eth1',
      source: { kind: 'existing', hostName: 'plugin0' },
      addresses: ['10.5.0.2/24'],
      mac: '02:42:0a:05:00:02',
      routes: [{ destination: '10.6.0.0/16', nextHop: '10.5.0.1' }, { destination: '10.7.0.0/16' }],
    };
    await dataplane.plug(id, plug);
    await dataplane.plug(id, plug);
    expect(await host.linkNames()).not.toContain('plugin0');
    const lent = { up: true, addresses: ['10.5.0.2/24'], address: '02:42:0a:05:00:02' };
    expect(await host.link('eth1', namespace)).toMatchObject(lent);
    const routes = await host.runIn(namespace, 'ip', 'route', 'show', 'dev', 'eth1');
    expect(routes).toMatch(/^10\.6\.0\.0\/16 via 10\.5\.0\.1/m);
    expect(routes).toMatch(/^10\.7\.0\.0\/16 scope link/m);
    await dataplane.unplug(id, plug);
    await dataplane.unplug(id, plug);
    expect(await host.linkNames()).toContain('plugin0');
    expect(await host.linkNames(namespace)).toEqual(['eth0']);
    const missing: Plug = { ...plug, source: { kind: 'existing', hostName: 'plugin9' } };
    await expect(dataplane.plug(id, missing)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test("an Engine's interface waits in the host to be moved, and goes with its host end", async () => {
    await using host = await TestHost.create();
    const { dataplane, plug } = await setUp(host);
    const { bridge } = plug.source;
    const [hostName, peer] = [hostEndName(host.tag, newId()), detachedPeerName(host.tag, newId())];
    const source = { kind: 'veth', hostName, bridge } as const;
    const veth = { source, peer, mac: '02:42:0a:01:00:03', mtu: 1450 };
    await dataplane.ensureDetachedVeth(veth);
    expect(await host.link(hostName)).toMatchObject({ up: true, master: bridge, mtu: 1450 });
    expect(await host.link(peer)).toMatchObject({ address: '02:42:0a:01:00:03', mtu: 1450 });
    const { ifindex } = await host.link(peer);
    await dataplane.ensureDetachedVeth(veth);
    expect((await host.link(peer)).ifindex).toBe(ifindex);
    // Where the Engine has moved it already, the one that is asked for again is a new one.
    await host.run('ip', 'link', 'set', peer, 'netns', host.name, 'name', 'moved');
    await dataplane.ensureDetachedVeth(veth);
    expect((await host.link(peer)).ifindex).not.toBe(ifindex);
    expect(await host.linkNames()).not.toContain('moved');
    await dataplane.unplug('', { name: '', source });
    expect((await host.linkNames()).filter((name) => name === hostName || name === peer)).toEqual([]);
    const lost = { ...veth, source: { ...source, bridge: bridgeName(host.tag, newId()) } };
    await expect(dataplane.ensureDetachedVeth(lost)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test("the resolver's address is the host's, whatever networks there are, and is swept by nothing", async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    await dataplane.ensureHostAddress('169.254.53.53');
    await dataplane.ensureHostAddress('169.254.53.53');
    const name = `fl${host.tag}-dns`;
    expect(await host.run('ip', '-4', '-o', 'addr', 'show', 'dev', name)).toContain('169.254.53.53/32');
    expect(await dataplane.owned()).toEqual({ sandboxes: [], bridges: [], interfaces: [], vxlans: [] });
    expect(await dataplane.hostSubnets()).toEqual([]);
    await dataplane.close();
    expect(await host.linkNames()).not.toContain(name);
  });

  test("an interface of somebody else's is neither taken over nor removed", async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    await host.run('ip', 'link', 'add', 'name', 'docker0', 'type', 'bridge');
    const spec = { name: 'docker0', addresses: ['10.1.0.1/24'], mtu: 1500 };
    await expect(dataplane.ensureBridge(spec)).rejects.toMatchObject({
      kind: 'conflict',
      message: 'interface docker0 exists and was not made by this daemon',
    });
    await dataplane.removeBridge('docker0');
    await dataplane.close();
    expect(await host.link('docker0')).toMatchObject({ up: false, addresses: [] });
  });

  test('a bridge with a name of the user is ours all the same', async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    const spec = { name: 'master', addresses: ['10.1.0.1/24'], mtu: 1400, mac: '02:42:0a:01:00:01' };
    await dataplane.ensureBridge(spec);
    await host.run('ip', 'link', 'set', 'dev', 'master', 'down', 'mtu', '1500');
    await dataplane.ensureBridge(spec);
    const { mtu, addresses, mac: address } = spec;
    expect(await host.link('master')).toMatchObject({ up: true, mtu, addresses, address });
    expect((await dataplane.owned()).bridges).toEqual(['master']);
    await dataplane.removeBridge('master');
    expect(await host.linkNames()).toEqual([]);
  });

  test('two nodes in one namespace leave each other alone', async () => {
    await using host = await TestHost.create();
    const setup = await setUp(host);
    const before = await setup.dataplane.owned();
    const other = await open(host, 'ffff');
    expect(await other.owned()).toEqual({ sandboxes: [], bridges: [], interfaces: [], vxlans: [] });
    await other.applyFirewall({ networks: [{ ...setup.rules, bridge: 'fl-other' }] });
    await other.close();
    expect(await setup.dataplane.owned()).toEqual(before);
    const name = tableName(host.tag);
    expect(await host.run('nft', 'list', 'tables')).toBe(`table inet ${name}\ntable bridge ${name}\n`);
    await expectSound(setup);
  });

  test('close takes everything out of the kernel', async () => {
    await using host = await TestHost.create();
    const { dataplane } = await setUp(host);
    await dataplane.close();
    expect(await host.linkNames()).toEqual([]);
    expect(await host.sandboxes()).toEqual([]);
    expect(await host.run('nft', 'list', 'ruleset')).toBe('');
  });

  test('equal rules are not written again, unless somebody took them away', async () => {
    await using host = await TestHost.create();
    const { dataplane, rules } = await setUp(host);
    const table = () => host.run('nft', '-a', 'list', 'table', 'inet', tableName(host.tag));
    const before = await table();
    await dataplane.applyFirewall({ networks: [{ ...rules, subnets: rules.subnets.toReversed() }] });
    expect(await table()).toBe(before);
    await host.run('nft', 'flush', 'ruleset');
    await dataplane.applyFirewall({ networks: [rules] });
    const handles = /# handle \d+/g;
    expect((await table()).replaceAll(handles, '')).toBe(before.replaceAll(handles, ''));
  });

  test('rules that were added to are those that would have been written at once', async () => {
    await using host = await TestHost.create();
    const { dataplane, rules } = await setUp(host);
    const more = {
      ...rules,
      bridge: bridgeName(host.tag, newId()),
      subnets: ['10.1.0.128/25', '10.2.0.0/24'],
    };
    const networks = [rules, more];
    await dataplane.applyFirewall({ networks });
    const added = await host.run('nft', 'list', 'ruleset');
    await host.run('nft', 'flush', 'ruleset');
    await dataplane.applyFirewall({ networks });
    expect(await host.run('nft', 'list', 'ruleset')).toBe(added);
    // With the table gone there is nothing to add to.
    await host.run('nft', 'flush', 'ruleset');
    const third = { ...rules, bridge: bridgeName(host.tag, newId()), subnets: ['10.3.0.0/24'] };
    await dataplane.applyFirewall({ networks: [...networks, third] });
    await dataplane.applyFirewall({ networks });
    expect(await host.run('nft', 'list', 'ruleset')).toBe(added);
  });

  test('a part of the rules leaves what an earlier process has put there for the rest', async () => {
    await using host = await TestHost.create();
    const { dataplane, rules, id, plug } = await setUp(host);
    const { mac, addresses } = plug;
    const ends = [{ hostName: plug.source.hostName, sandbox: id, mac: mac ?? '', addresses }];
    const network = (subnet: string): NetworkRules => ({
      ...rules,
      bridge: bridgeName(host.tag, newId()),
      subnets: [subnet],
      icc: false,
    });
    const [second, third] = [network('10.2.0.0/24'), network('10.3.0.0/24')];
    const ruleset = () => host.run('nft', 'list', 'ruleset');
    await dataplane.applyFirewall({ networks: [rules, second, third] });
    const [all, both] = [await ruleset(), [rules, second]];
    await dataplane.applyFirewall({ networks: both });
    const before = await ruleset();

    const next = await open(host);
    await next.applyFirewall({ networks: [], partial: true });
    await next.applyFirewall({ networks: [rules], partial: true });
    expect(await ruleset()).toBe(before);
    // What it has added itself it can take away again.
    await next.applyFirewall({ networks: [rules, third], partial: true });
    expect(await ruleset()).toBe(all);
    await next.applyFirewall({ networks: [], partial: true });
    const rest = await ruleset();
    expect(rest).toContain('10.2.0.0/24');
    expect(rest).not.toContain('10.3.0.0/24');
    // Nothing is too much, as long as not all is known.
    await dataplane.applyFirewall({ networks: [rules, second, third] });
    await next.applyFirewall({ networks: [third], partial: true });
    expect((await next.survey([])).firewall).toEqual({ missing: [], surplus: [] });
    await next.applyFirewall({ networks: both, ends });
    expect(await ruleset()).toBe(before);

    await host.run('nft', 'flush', 'ruleset');
    const last = await open(host);
    await last.applyFirewall({ networks: both, ends, partial: true });
    expect(await ruleset()).toBe(before);
  });

  test('of the host, an internal network reaches DNS only', async () => {
    await using host = await TestHost.create();
    const { dataplane, id } = await setUp(host, { internal: true });
    const tcp = (address: string, port: number) =>
      dataplane.reach(id, { address, port: { protocol: 'tcp', port } });
    // Refused means that the packet got through to the host, where nobody listens.
    for (const gateway of ['10.1.0.1', 'fd00:1::1']) {
      const [dns, web] = await Promise.all([tcp(gateway, 53), tcp(gateway, 80)]);
      expect(dns.reason).toBe(`${gateway} refused: nothing listens on tcp port 53`);
      expect(web.reason).toBe(`no answer from ${gateway} within 1 s`);
    }
    const udp = await dataplane.reach(id, { address: '10.1.0.1', port: { protocol: 'udp', port: 53 } });
    expect(udp.reason).toBe('10.1.0.1 refused: nothing listens on udp port 53');
  });

  for (const bridged of ['0', '1']) {
    test(`the way out, masqueraded, with bridge-nf-call-iptables=${bridged}`, async () => {
      await using host = await TestHost.create();
      await using outside = await TestHost.create();
      await host.wire({ device: 'up0', address: '192.0.2.1/24' }, outside, {
        device: 'up0',
        address: '192.0.2.2/24',
      });
      await host.run('sysctl', '-qw', `net.bridge.bridge-nf-call-iptables=${bridged}`);
      const { dataplane, id, rules } = await setUp(host);
      // The outside has no route back: an answer proves the source address.
      const answer = await dataplane.reach(id, { address: '192.0.2.2' });
      expect(answer).toEqual({
        reachable: true,
        path: ['eth0', `${rules.bridge} (bridge)`, 'host', '192.0.2.2'],
      });
      await dataplane.applyFirewall({ networks: [{ ...rules, masquerade: false }] });
      expect((await dataplane.reach(id, { address: '192.0.2.2' })).reachable).toBe(false);
      await outside.run('ip', 'route', 'add', '10.1.0.0/24', 'via', '192.0.2.1');
      expect((await dataplane.reach(id, { address: '192.0.2.2' })).reachable).toBe(true);
      // Answers get in, questions do not.
      await expect(outside.run('ping', '-n', '-c1', '-W1', '10.1.0.2')).rejects.toThrow();
      await dataplane.applyFirewall({ networks: [{ ...rules, internal: true }] });
      expect(await dataplane.reach(id, { address: '192.0.2.2' })).toMatchObject({
        reachable: false,
        reason: 'the network is internal: no way out',
      });
      expect((await dataplane.reach(hostSandbox, { address: '10.1.0.2' })).reachable).toBe(true);
    });
  }

  test('two interfaces in one subnet answer for themselves', async () => {
    await using host = await TestHost.create();
    const { dataplane, id, plug } = await setUp(host);
    const source = { ...plug.source, hostName: hostEndName(host.tag, newId()) };
    await dataplane.plug(id, {
      ...plug,
      name: 'eth1',
      source,
      addresses: ['10.1.0.3/24'],
      mac: '02:42:0a:01:00:03',
    });
    for (const address of ['10.1.0.2', '10.1.0.3']) {
      expect((await dataplane.reach(hostSandbox, { address })).reachable).toBe(true);
      const neighbour = await host.run('ip', 'neigh', 'show', address);
      expect(neighbour).toContain(`02:42:0a:01:00:0${address.at(-1)}`);
    }
  });

  test('subnets of the host are told, our own left out', async () => {
    await using host = await TestHost.create();
    await using outside = await TestHost.create();
    await host.wire({ device: 'up0', address: '192.0.2.1/24' }, outside, {
      device: 'up0',
      address: '192.0.2.2/24',
    });
    const { dataplane } = await setUp(host);
    await host.run('ip', 'route', 'add', 'default', 'via', '192.0.2.2');
    await host.run('ip', 'route', 'add', '198.51.100.7', 'via', '192.0.2.2');
    await host.run('ip', 'addr', 'add', '2001:db8::1/48', 'dev', 'up0', 'nodad');
    const subnets = await dataplane.hostSubnets();
    expect(subnets.toSorted()).toEqual(['192.0.2.0/24', '198.51.100.7/32', '2001:db8::/48']);
  });

  test('a failed command explains itself', async () => {
    await using host = await TestHost.create();
    const { dataplane, id } = await setUp(host);
    await expect(dataplane.setDefaultRoutes(id, { ipv4: '10.77.0.1' })).rejects.toMatchObject({
      kind: 'internal',
      message: expect.stringMatching(
        /^ip route replace 0\.0\.0\.0\/0 via 10\.77\.0\.1: .*Nexthop has invalid gateway/,
      ),
    });
    await expect(dataplane.setDefaultRoutes(id, { ipv4: 'x y' })).rejects.toMatchObject({
      kind: 'invalid',
      message: '"x y" cannot be an argument of ip',
    });
    await expect(
      dataplane.plug(hostSandbox, { name: 'x', source: { kind: 'existing', hostName: 'y' }, addresses: [] }),
    ).rejects.toMatchObject({ kind: 'unsupported' });
  });

  test('a tag that is not four hex digits is refused', async () => {
    const opening = openLinuxDataplane({ tag: 'abcg', log: silentLogger });
    await expect(opening).rejects.toThrow('invalid node tag "abcg": expected four hex digits');
  });
}
