import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import type { Firewall, NetworkRules } from '../../src/dataplane/firewall.ts';
import type { Plug } from '../../src/dataplane/links.ts';
import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import {
  bridgeName,
  detachedPeerName,
  hostEndName,
  sandboxName,
  tableName,
  vxlanName,
} from '../../src/dataplane/names.ts';
import { newId } from '../../src/lib/ids.ts';
import { createLogger, silentLogger } from '../../src/lib/log.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';

const frames = fileURLToPath(new URL('../e2e/attacks/frames.py', import.meta.url));
const memories = mkdtempSync(join(tmpdir(), 'flt-memory-'));
afterAll(() => rmSync(memories, { recursive: true }));

/** Of one daemon's life after another. */
function open(host: TestHost, log = silentLogger): Promise<Dataplane> {
  const memory = join(memories, host.name);
  const { tag, path: hostNamespace } = host;
  return openLinuxDataplane({ tag, hostNamespace, log, memory, trustFirewallFor: 0 });
}

interface Net {
  readonly rules: NetworkRules;
  readonly bridge: string;
}

async function network(
  host: TestHost,
  dataplane: Dataplane,
  subnet: string,
  more: readonly string[] = [],
): Promise<Net> {
  const bridge = bridgeName(host.tag, newId());
  const subnets = [subnet, ...more];
  const addresses = subnets.map((one) =>
    one.replace(/[0:]+\//, (end) => (end.includes(':') ? '::1/' : '1/')),
  );
  await dataplane.ensureBridge({ name: bridge, addresses, mtu: 1500 });
  return { bridge, rules: { bridge, subnets, internal: false, masquerade: true, icc: true } };
}

function plugOn(host: TestHost, bridge: string, last: number, change: Partial<Plug> = {}) {
  const hostName = hostEndName(host.tag, newId());
  return {
    name: 'eth0',
    source: { kind: 'veth', hostName, bridge },
    addresses: [`10.1.0.${last}/24`],
    mac: `02:42:0a:01:00:0${last}`,
    ...change,
  } as const;
}

async function sandbox(host: TestHost, dataplane: Dataplane, ...plugs: readonly Plug[]) {
  const id = newId();
  await dataplane.ensureSandbox(id);
  for (const plug of plugs) await dataplane.plug(id, plug);
  return { id, namespace: sandboxName(host.tag, id) };
}

const conf = (family: 4 | 6, device: string, name: string) =>
  `/proc/sys/net/ipv${family}/conf/${device}/${name}`;

async function deafness(host: TestHost, device: string, namespace = host.name): Promise<readonly string[]> {
  const names = ['accept_ra', 'autoconf', 'accept_redirects', 'disable_ipv6'];
  const files = [...names.map((name) => conf(6, device, name)), conf(4, device, 'accept_redirects')];
  return (await host.runIn(namespace, 'cat', ...files)).trim().split('\n');
}

async function set(host: TestHost, file: string, value: string, namespace = host.name): Promise<void> {
  await host.runIn(namespace, 'sh', '-c', 'echo "$2" > "$1"', 'sh', file, value);
}

const switches = ['/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding'];

async function hostWithoutForwarding(): Promise<TestHost> {
  const host = await TestHost.create();
  for (const file of switches) await set(host, file, '0');
  return host;
}

async function forwards(host: TestHost): Promise<string> {
  return (await host.run('cat', ...switches)).replaceAll('\n', '');
}

describe('devices of ours', { concurrent: true, timeout: 60_000 }, () => {
  test('hear no router and no redirect, new ones and those that were there', async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    await host.run('ip', 'link', 'add', 'lo1', 'up', 'type', 'bridge');
    await host.run('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'lo1');
    const [plain, dual] = [
      await network(host, dataplane, '10.1.0.0/24'),
      await network(host, dataplane, '10.2.0.0/24', ['fd00:2::/64']),
    ];
    const { bridge } = plain;
    const vxlan = {
      name: vxlanName(host.tag, newId()),
      bridge,
      vni: 77,
      local: '192.0.2.1',
      port: 4789,
      mtu: 1450,
    };
    await dataplane.ensureVxlan(vxlan);
    await dataplane.ensureHostAddress('169.254.53.53');
    const [plug, lent] = [
      plugOn(host, bridge, 2),
      { kind: 'veth', hostName: hostEndName(host.tag, newId()), bridge } as const,
    ];
    const { id } = await sandbox(host, dataplane, plug);
    await dataplane.ensureDetachedVeth({ source: lent, peer: detachedPeerName(host.tag, newId()) });
    const all = async () =>
      Promise.all(
        [bridge, `fl${host.tag}-dns`, plug.source.hostName, lent.hostName, dual.bridge, vxlan.name].map(
          (device) => deafness(host, device),
        ),
      );
    const [off, on] = [
      ['0', '0', '0', '1', '0'],
      ['0', '0', '0', '0', '0'],
    ];
    expect(await all()).toEqual([off, off, off, off, on, on]);

    for (const device of [bridge, dual.bridge, plug.source.hostName, vxlan.name]) {
      await set(host, conf(6, device, 'disable_ipv6'), '0');
      await set(host, conf(6, device, 'accept_ra'), '2');
    }
    const next = await open(host);
    for (const [name, addresses] of [
      [bridge, ['10.1.0.1/24']],
      [dual.bridge, ['10.2.0.1/24', 'fd00:2::1/64']],
    ] as const)
      await next.ensureBridge({ name, addresses, mtu: 1500 });
    await next.ensureVxlan(vxlan);
    await next.plug(id, plug);
    expect(await all()).toEqual([off, off, off, off, on, on]);
    expect((await host.run('ip', '-6', '-o', 'addr', 'show', 'dev', bridge)).trim()).toBe('');
  });

  test('a container has IPv6 where its network has it, and nowhere else', async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    const [plain, dual] = [
      await network(host, dataplane, '10.1.0.0/24'),
      await network(host, dataplane, '10.2.0.0/24', ['fd00:2::/64']),
    ];
    const both = { name: 'eth1', addresses: ['10.2.0.2/24', 'fd00:2::2/64'], mac: '02:42:0a:02:00:02' };
    const plugs = [plugOn(host, plain.bridge, 2), plugOn(host, dual.bridge, 2, both)];
    const { id, namespace } = await sandbox(host, dataplane, ...plugs);
    const addresses = async (device: string) =>
      (await host.runIn(namespace, 'ip', '-6', '-o', 'addr', 'show', 'dev', device)).match(/inet6 \S+/g);
    expect(await addresses('eth0')).toBe(null);
    expect(await addresses('lo')).toEqual(['inet6 ::1/128']);
    expect(await addresses('eth1')).toEqual(['inet6 fd00:2::2/64', 'inet6 fe80::42:aff:fe02:2/64']);
    expect((await deafness(host, 'eth1', namespace)).slice(0, 4)).toEqual(['0', '0', '0', '0']);
    // As an earlier version left it.
    await set(host, conf(6, 'eth0', 'disable_ipv6'), '0', namespace);
    const next = await open(host);
    for (const plug of plugs) await next.plug(id, plug);
    expect(await addresses('eth0')).toBe(null);
    expect(await addresses('eth1')).toHaveLength(2);
  });

  test('have IPv6 in a container whose namespace began without', async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    const { bridge } = await network(host, dataplane, '10.1.0.0/24', ['fd00:1::/64']);
    const { id, namespace } = await sandbox(host, dataplane);
    // As in every namespace under a kernel that was started with ipv6.disable_ipv6=1.
    await set(host, conf(6, 'all', 'disable_ipv6'), '1', namespace);
    await dataplane.plug(id, plugOn(host, bridge, 2, { addresses: ['10.1.0.2/24', 'fd00:1::2/64'] }));
    const addresses = await host.runIn(namespace, 'ip', '-6', '-o', 'addr', 'show');
    expect(addresses).toMatch(/lo +inet6 ::1\/128/);
    expect(addresses).toMatch(/eth0 +inet6 fd00:1::2\/64/);
  });
});

describe('what a container may send', { concurrent: true, timeout: 60_000 }, () => {
  test('its own, by whichever of its interfaces, and nothing else; anything where that is asked for', async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    const { bridge, rules } = await network(host, dataplane, '10.1.0.0/24');
    await dataplane.applyFirewall({ networks: [rules] });
    const second = { name: 'eth1', addresses: ['10.1.0.3/24', '169.254.9.9/16'] };
    const one = await sandbox(host, dataplane, plugOn(host, bridge, 2), plugOn(host, bridge, 3, second));
    const free = await sandbox(host, dataplane, plugOn(host, bridge, 4, { anySource: true }));
    const heardBy = { addresses: ['10.1.0.5/24', '169.254.9.8/16'] };
    const target = await sandbox(host, dataplane, plugOn(host, bridge, 5, heardBy));
    const mac = '02:42:0a:01:00:05';
    const heard = async (
      from: { namespace: string },
      device: string,
      source: string,
      ...sender: string[]
    ) => {
      const words = ['python3', frames, 'listen', '10.1.0.5', '9999', '30'];
      const listening = host.runIn(target.namespace, ...(words as [string, ...string[]]));
      const sockets = () => host.runIn(target.namespace, 'ss', '-Hlun', 'sport', '=', ':9999');
      await until('a listener', sockets);
      const forged = ['datagram', device, source, mac, '10.1.0.5', '9999', ...sender];
      await host.runIn(from.namespace, 'python3', frames, ...forged);
      await host.runIn(target.namespace, 'python3', frames, 'finish', '10.1.0.5', '9999');
      return (await listening).trim().split('\n').at(-1);
    };
    expect(await heard(one, 'eth0', '10.1.0.2')).toBe('forged 10.1.0.2');
    expect(await heard(one, 'eth0', '10.1.0.3')).toBe('forged 10.1.0.3');
    expect(await heard(one, 'eth1', '10.1.0.2')).toBe('forged 10.1.0.2');
    expect(await heard(one, 'eth1', '169.254.9.9')).toBe('forged 169.254.9.9');
    expect(await heard(one, 'eth0', '10.1.0.4')).toBe('nothing');
    expect(await heard(one, 'eth0', '10.1.0.2', '02:42:0a:01:00:03')).toBe('nothing');
    expect(await heard(free, 'eth0', '10.1.0.99', '02:42:ba:d0:00:01')).toBe('forged 10.1.0.99');

    await host.run('nft', 'flush', 'ruleset');
    expect(await heard(one, 'eth0', '10.1.0.4')).toBe('forged 10.1.0.4');
    expect((await dataplane.survey([])).firewall.missing.length).toBeGreaterThan(1);
    await dataplane.applyFirewall({ networks: [rules] });
    expect(await heard(one, 'eth0', '10.1.0.4')).toBe('nothing');
    expect((await dataplane.survey([])).firewall).toEqual({ missing: [], surplus: [] });
  });

  test('what comes before there is an address: probes, DHCP, groups, its own duplicates', async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    const { bridge, rules } = await network(host, dataplane, '10.1.0.0/24', ['fd00:1::/64']);
    await dataplane.applyFirewall({ networks: [rules] });
    const addresses = ['10.1.0.2/24', 'fd00:1::2/64'];
    const { namespace } = await sandbox(host, dataplane, plugOn(host, bridge, 2, { addresses }));
    const heard = async (verb: string, ...args: string[]) => {
      const hearing = host.run('python3', frames, 'hear', bridge, '30');
      const sockets = async () => (await host.run('cat', '/proc/net/packet')).trim().split('\n').length;
      await until('a listener', sockets, (count) => count > 1);
      await host.runIn(namespace, 'python3', frames, verb, 'eth0', ...args);
      await host.run('python3', frames, 'finish_hearing', bridge);
      return (await hearing).split('\n').includes(verb);
    };
    expect(await heard('probe', '10.1.0.9')).toBe(true);
    expect(await heard('discover')).toBe(true);
    expect(await heard('join_group')).toBe(true);
    expect(await heard('duplicates', 'fd00:1::2')).toBe(true);
    expect(await heard('duplicates', 'fd00:1::9')).toBe(false);
  });

  test('is held to it after a restart too, and forgotten with its interface', async () => {
    await using host = await TestHost.create();
    const dataplane = await open(host);
    const { bridge, rules } = await network(host, dataplane, '10.1.0.0/24');
    const plug = plugOn(host, bridge, 2);
    const { id } = await sandbox(host, dataplane, plug);
    const table = () => host.run('nft', 'list', 'table', 'bridge', tableName(host.tag));
    const before = await table();
    const next = await open(host);
    await next.applyFirewall({ networks: [rules], partial: true });
    expect(await table()).toBe(before);
    const { mac, addresses, source } = plug;
    const end = { hostName: source.hostName, sandbox: id, mac, addresses };
    await next.applyFirewall({ networks: [rules], ends: [end] });
    expect(await table()).toBe(before);
    await next.unplug(id, plug);
    expect(await table()).not.toContain(mac);
    await next.applyFirewall({ networks: [] });
    expect(await host.run('nft', 'list', 'ruleset')).toBe('');
  });
});

describe('forwarding', { concurrent: true, timeout: 60_000 }, () => {
  const rules = (subnets: readonly string[]): Firewall => ({
    networks: [{ bridge: 'br0', subnets, internal: false, masquerade: true, icc: true }],
  });

  test('is ours alone where it was off, and off again with the last network, by a later process too', async () => {
    await using host = await hostWithoutForwarding();
    await host.run('ip', 'link', 'add', 'up0', 'type', 'bridge');
    await host.run('ip', 'link', 'add', 'br9', 'type', 'bridge');
    await host.run('ip', 'link', 'add', 'flffff-0123abcd', 'type', 'bridge');
    await set(host, conf(6, 'up0', 'accept_ra'), '1');
    await set(host, conf(6, 'br9', 'accept_ra'), '0');
    const dataplane = await open(host);
    const own = await network(host, dataplane, '10.1.0.0/24', ['fd00:1::/64']);
    await dataplane.applyFirewall(rules(['10.1.0.0/24']));
    expect(await forwards(host)).toBe('10');
    await dataplane.applyFirewall(rules(['10.1.0.0/24', 'fd00:1::/64']));
    expect(await forwards(host)).toBe('11');
    const hears = async () => {
      const files = ['up0', 'br9', own.bridge].map((device) => conf(6, device, 'accept_ra'));
      return (await host.run('cat', ...files)).replaceAll('\n', '');
    };
    expect(await hears()).toBe('200');
    const set4 = await host.run('nft', 'list', 'set', 'inet', tableName(host.tag), 'closed');
    for (const name of ['up0', 'br9']) expect(set4).toContain(`ipv4 . "${name}"`);
    for (const name of [own.bridge, 'flffff-0123abcd']) expect(set4).not.toContain(name);

    await host.run('ip', 'link', 'del', 'flffff-0123abcd');
    const next = await open(host);
    await next.applyFirewall({ ...rules(['10.1.0.0/24']), partial: true });
    expect(await forwards(host)).toBe('11');
    await next.applyFirewall(rules(['10.1.0.0/24']));
    expect([await forwards(host), await hears()]).toEqual(['10', '100']);
    await next.applyFirewall({ networks: [] });
    expect(await forwards(host)).toBe('00');
  });

  test('is left as it is where the host forwards already', async () => {
    await using host = await hostWithoutForwarding();
    for (const file of switches) await set(host, file, '1');
    const dataplane = await open(host);
    await dataplane.applyFirewall(rules(['10.1.0.0/24', 'fd00:1::/64']));
    const opened = await host.run('nft', 'list', 'set', 'inet', tableName(host.tag), 'opened');
    expect(opened).not.toContain('ipv4');
    await dataplane.applyFirewall({ networks: [] });
    expect(await forwards(host)).toBe('11');
  });

  test('is left on for whoever came since, and says so', async () => {
    await using host = await hostWithoutForwarding();
    const lines: string[] = [];
    const dataplane = await open(host, createLogger('warn', { write: (line) => void lines.push(line) }));
    await dataplane.applyFirewall(rules(['10.1.0.0/24']));
    await host.run('ip', 'link', 'add', 'docker0', 'type', 'bridge');
    await dataplane.applyFirewall({ networks: [] });
    expect(await forwards(host)).toBe('10');
    expect(lines.join('')).toContain('IPv4 forwarding is left on: docker0 came after it was switched on');
  });
});

test('nodes that an earlier process has let in stay while they are spared', { timeout: 60_000 }, async () => {
  await using host = await TestHost.create();
  const overlay = {
    bridge: 'br0',
    subnets: ['10.1.0.0/24'],
    internal: false,
    masquerade: true,
    icc: true,
    tunnelPort: 4789,
  };
  const networks = [overlay];
  const nodes = async () => {
    const list = (family: 4 | 6) =>
      host.run('nft', 'list', 'set', 'inet', tableName(host.tag), `nodes${family}`);
    return [await list(4), await list(6)].flatMap((text) => text.match(/[\d.]{7,}|2001:[\da-f:]+/g) ?? []);
  };
  const dataplane = await open(host);
  await dataplane.applyFirewall({ networks, nodes: ['192.0.2.2', '2001:DB8::2', 'x } drop'] });
  expect(await nodes()).toEqual(['192.0.2.2', '2001:db8::2']);
  const next = await open(host);
  await next.applyFirewall({ networks, nodes: ['192.0.2.3'], spareNodes: true });
  expect(await nodes()).toEqual(['192.0.2.2', '192.0.2.3', '2001:db8::2']);
  await next.applyFirewall({ networks, nodes: ['192.0.2.3'] });
  expect(await nodes()).toEqual(['192.0.2.3']);

  // A process knows its local networks first, and a node whose record comes and goes meanwhile.
  const last = await open(host);
  const { tunnelPort: _, ...local } = { ...overlay, bridge: 'br1', subnets: ['10.2.0.0/24'] };
  const early = { networks: [local], spareNodes: true, partial: true };
  await last.applyFirewall({ ...early, nodes: ['192.0.2.3'] });
  await last.applyFirewall({ ...early, nodes: [] });
  await last.applyFirewall({ ...early, networks: [local, overlay], nodes: [] });
  expect(await nodes()).toEqual(['192.0.2.3']);
});
