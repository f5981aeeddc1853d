import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert/strict';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import type { NetworkRules } from '../../src/dataplane/firewall.ts';
import type { Plug } from '../../src/dataplane/links.ts';
import { bridgeName, hostEndName } from '../../src/dataplane/names.ts';
import { hostSandbox } from '../../src/dataplane/sandboxes.ts';
import { newId } from '../../src/lib/ids.ts';
import { tunnelChecks } from './dataplane-tunnel.ts';

/** What every data plane must do. A check rejects when it does not; `tag` is the node's. */
export interface DataplaneCheck {
  readonly name: string;
  readonly run: (dataplane: Dataplane, tag: string) => Promise<void>;
}

/** A network for checks: bridge, gateway and rules in 10.N.0.0/24 and fd00:N::/64. */
interface Net extends NetworkRules {
  readonly number: number;
  readonly gateway: string;
  readonly gateway6: string;
}

function net(tag: string, number: number, rules: Partial<NetworkRules> = {}): Net {
  return {
    number,
    bridge: bridgeName(tag, newId()),
    gateway: `10.${number}.0.1`,
    gateway6: `fd00:${number}::1`,
    subnets: [`10.${number}.0.0/24`, `fd00:${number}::/64`],
    internal: false,
    masquerade: true,
    icc: true,
    ...rules,
  };
}

async function makeNets(dataplane: Dataplane, ...nets: Net[]): Promise<void> {
  for (const { bridge, gateway, gateway6 } of nets) {
    await dataplane.ensureBridge({ name: bridge, addresses: [`${gateway}/24`, `${gateway6}/64`], mtu: 1500 });
  }
  await dataplane.applyFirewall({ networks: nets });
}

function plugFor(tag: string, { bridge, number }: Net, last: number, name = 'eth0'): Plug {
  return {
    name,
    source: { kind: 'veth', hostName: hostEndName(tag, newId()), bridge },
    addresses: [`10.${number}.0.${last}/24`, `fd00:${number}::${last}/64`],
  };
}

/** A sandbox with an interface on the network, and its default routes there. */
async function join(
  dataplane: Dataplane,
  tag: string,
  on: Net,
  last: number,
): Promise<{ id: string; plug: Plug }> {
  const id = newId();
  const plug = plugFor(tag, on, last);
  await dataplane.ensureSandbox(id);
  await dataplane.plug(id, plug);
  await dataplane.setDefaultRoutes(id, { ipv4: on.gateway, ipv6: on.gateway6 });
  return { id, plug };
}

async function reaches(dataplane: Dataplane, from: string, address: string): Promise<void> {
  const { reachable, reason } = await dataplane.reach(from, { address });
  ok(reachable, `${address} should be reachable: ${reason}`);
  strictEqual(reason, undefined);
}

async function cannotReach(dataplane: Dataplane, from: string, address: string, why: RegExp): Promise<void> {
  const { reachable, reason = '' } = await dataplane.reach(from, { address });
  ok(!reachable, `${address} should not be reachable`);
  match(reason, why);
  ok(!reason.includes('\n'), 'a reason is one line');
}

const empty = { sandboxes: [], bridges: [], interfaces: [], vxlans: [] };

const lifecycle: DataplaneCheck[] = [
  {
    name: 'a sandbox is made once and removed for good',
    async run(dataplane) {
      const id = newId();
      await dataplane.ensureSandbox(id);
      await dataplane.ensureSandbox(id);
      deepStrictEqual(await dataplane.owned(), { ...empty, sandboxes: [id.slice(0, 12)] });
      await dataplane.removeSandbox(id);
      await dataplane.removeSandbox(id);
      deepStrictEqual(await dataplane.owned(), empty);
    },
  },
  {
    name: 'a sandbox is found and removed by the digits that owned() gives',
    async run(dataplane) {
      await dataplane.ensureSandbox(newId());
      const [digits = ''] = (await dataplane.owned()).sandboxes;
      await dataplane.removeSandbox(digits);
      deepStrictEqual(await dataplane.owned(), empty);
    },
  },
  {
    name: 'a repeated plug is the same interface, and unplug leaves nothing',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      const { id, plug } = await join(dataplane, tag, one, 2);
      await dataplane.plug(id, plug);
      deepStrictEqual((await dataplane.owned()).interfaces, [plug.source.hostName]);
      await reaches(dataplane, id, one.gateway);
      await dataplane.unplug(id, plug);
      await dataplane.unplug(id, plug);
      deepStrictEqual((await dataplane.owned()).interfaces, []);
      await cannotReach(dataplane, id, one.gateway, /no route to 10\.1\.0\.1/);
    },
  },
  {
    name: 'a repeated plug takes new addresses and drops old ones',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      const { id, plug } = await join(dataplane, tag, one, 2);
      await dataplane.plug(id, { ...plug, addresses: ['10.1.0.9/24'] });
      await reaches(dataplane, hostSandbox, '10.1.0.9');
      await cannotReach(dataplane, hostSandbox, '10.1.0.2', /nobody has 10\.1\.0\.2/);
    },
  },
  {
    name: 'a host end left over from another sandbox is replaced',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      const { id, plug } = await join(dataplane, tag, one, 2);
      const other = newId();
      await dataplane.ensureSandbox(other);
      await dataplane.plug(other, plug);
      deepStrictEqual((await dataplane.owned()).interfaces, [plug.source.hostName]);
      await reaches(dataplane, other, one.gateway);
      await cannotReach(dataplane, id, one.gateway, /no route/);
    },
  },
  {
    name: 'a name that another interface of the sandbox has is a conflict',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      const { id, plug } = await join(dataplane, tag, one, 2);
      await rejects(dataplane.plug(id, plugFor(tag, one, 3)), { kind: 'conflict' });
      deepStrictEqual((await dataplane.owned()).interfaces, [plug.source.hostName]);
      await reaches(dataplane, id, one.gateway);
    },
  },
  {
    name: 'a plug without its sandbox or its bridge is not-found and leaves nothing',
    async run(dataplane, tag) {
      const [made, missing] = [net(tag, 1), net(tag, 2)];
      await makeNets(dataplane, made);
      await rejects(dataplane.plug(newId(), plugFor(tag, made, 2)), { kind: 'not-found' });
      const id = newId();
      await dataplane.ensureSandbox(id);
      await rejects(dataplane.plug(id, plugFor(tag, missing, 2)), { kind: 'not-found' });
      deepStrictEqual((await dataplane.owned()).interfaces, []);
    },
  },
  {
    name: 'removing a sandbox takes its interfaces along',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      const { id } = await join(dataplane, tag, one, 2);
      await dataplane.removeSandbox(id);
      deepStrictEqual(await dataplane.owned(), { ...empty, bridges: [one.bridge] });
    },
  },
  {
    name: 'a bridge changes its addresses and goes without a trace',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      const { id } = await join(dataplane, tag, one, 2);
      await dataplane.ensureBridge({ name: one.bridge, addresses: ['10.1.0.254/24'], mtu: 1500 });
      await reaches(dataplane, id, '10.1.0.254');
      await cannotReach(dataplane, id, '10.1.0.1', /nobody has 10\.1\.0\.1/);
      await dataplane.removeBridge(one.bridge);
      await dataplane.removeBridge(one.bridge);
      deepStrictEqual((await dataplane.owned()).bridges, []);
    },
  },
  {
    name: 'close leaves nothing behind',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      await join(dataplane, tag, one, 2);
      await dataplane.close();
      deepStrictEqual(await dataplane.owned(), empty);
    },
  },
];

const reachability: DataplaneCheck[] = [
  {
    name: 'sandboxes of one network reach each other, the gateway and themselves, and the host reaches them',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      const { id } = await join(dataplane, tag, one, 2);
      await join(dataplane, tag, one, 3);
      for (const address of ['10.1.0.3', 'fd00:1::3', '10.1.0.1', 'fd00:1::1', '10.1.0.2']) {
        await reaches(dataplane, id, address);
      }
      await reaches(dataplane, hostSandbox, '10.1.0.2');
      const { path } = await dataplane.reach(id, { address: '10.1.0.3' });
      deepStrictEqual(path.slice(0, 2), ['eth0', `${one.bridge} (bridge)`]);
      await cannotReach(dataplane, id, '10.1.0.77', /nobody has 10\.1\.0\.77/);
    },
  },
  {
    name: 'networks are isolated, gateways included',
    async run(dataplane, tag) {
      const [one, two] = [net(tag, 1), net(tag, 2)];
      await makeNets(dataplane, one, two);
      const { id } = await join(dataplane, tag, one, 2);
      await join(dataplane, tag, two, 2);
      const elsewhere = ['10.2.0.2', 'fd00:2::2', '10.2.0.9'];
      const why = new RegExp(`on another network \\(${two.bridge}\\)`);
      await Promise.all(elsewhere.map((address) => cannotReach(dataplane, id, address, why)));
    },
  },
  {
    // Its gateway is an address of this host, and yet as far away as the network.
    name: "another network's gateway is out of reach, whatever the protocol",
    async run(dataplane, tag) {
      const [one, two] = [net(tag, 1), net(tag, 2)];
      await makeNets(dataplane, one, two);
      const { id } = await join(dataplane, tag, one, 2);
      const port = { protocol: 'tcp', port: 80 } as const;
      const check = async (address: string) => {
        const connect = await dataplane.reach(id, { address, port });
        deepStrictEqual(connect.path.slice(0, 2), ['eth0', `${one.bridge} (bridge)`]);
        match(connect.reason ?? '', /another network/);
        await cannotReach(dataplane, id, address, /another network/);
      };
      await Promise.all([two.gateway, two.gateway6].map(check));
    },
  },
  {
    name: 'a sandbox on two networks reaches both',
    async run(dataplane, tag) {
      const [one, two] = [net(tag, 1), net(tag, 2)];
      await makeNets(dataplane, one, two);
      const { id } = await join(dataplane, tag, one, 2);
      await dataplane.plug(id, plugFor(tag, two, 2, 'eth1'));
      await join(dataplane, tag, one, 3);
      await join(dataplane, tag, two, 3);
      for (const address of ['10.1.0.3', '10.2.0.3', 'fd00:2::3', '10.2.0.1'])
        await reaches(dataplane, id, address);
    },
  },
  {
    name: 'an internal network has its members and the gateway, and no way out',
    async run(dataplane, tag) {
      const [one, two] = [net(tag, 1, { internal: true }), net(tag, 2)];
      await makeNets(dataplane, one, two);
      const { id } = await join(dataplane, tag, one, 2);
      await join(dataplane, tag, one, 3);
      await join(dataplane, tag, two, 2);
      for (const address of ['10.1.0.3', 'fd00:1::3', '10.1.0.1', 'fd00:1::1'])
        await reaches(dataplane, id, address);
      await cannotReach(dataplane, id, '198.51.100.1', /internal: no way out/);
      await cannotReach(dataplane, id, '10.2.0.2', /another network/);
    },
  },
  {
    name: 'without icc the members reach the gateway only',
    async run(dataplane, tag) {
      const one = net(tag, 1, { icc: false });
      await makeNets(dataplane, one);
      const { id } = await join(dataplane, tag, one, 2);
      await join(dataplane, tag, one, 3);
      await cannotReach(dataplane, id, '10.1.0.3', /icc/);
      await cannotReach(dataplane, id, 'fd00:1::3', /icc/);
      await reaches(dataplane, id, '10.1.0.1');
      await reaches(dataplane, hostSandbox, '10.1.0.3');
    },
  },
  {
    name: 'icc is taken away from interfaces that were there before',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      const { id } = await join(dataplane, tag, one, 2);
      await join(dataplane, tag, one, 3);
      await reaches(dataplane, id, '10.1.0.3');
      await dataplane.applyFirewall({ networks: [{ ...one, icc: false }] });
      await cannotReach(dataplane, id, '10.1.0.3', /icc/);
    },
  },
  {
    name: 'default routes are replaced and withdrawn, each family by itself',
    async run(dataplane, tag) {
      const [one, two] = [net(tag, 1, { internal: true }), net(tag, 2)];
      await makeNets(dataplane, one, two);
      const { id } = await join(dataplane, tag, one, 2);
      await dataplane.plug(id, plugFor(tag, two, 2, 'eth1'));
      await cannotReach(dataplane, id, '198.51.100.1', /internal/);
      await dataplane.setDefaultRoutes(id, { ipv4: two.gateway, ipv6: two.gateway6 });
      const { path } = await dataplane.reach(id, { address: '198.51.100.1' });
      deepStrictEqual(path.slice(0, 2), ['eth1', `${two.bridge} (bridge)`]);
      await dataplane.setDefaultRoutes(id, { ipv6: two.gateway6 });
      await cannotReach(dataplane, id, '198.51.100.1', /no route to 198\.51\.100\.1/);
      strictEqual((await dataplane.reach(id, { address: '2001:db8::1' })).path[0], 'eth1');
      await dataplane.setDefaultRoutes(id, {});
      await cannotReach(dataplane, id, '2001:db8::1', /no route/);
    },
  },
  {
    name: 'static routes lead through their next hop',
    async run(dataplane, tag) {
      const one = net(tag, 1);
      await makeNets(dataplane, one);
      const id = newId();
      await dataplane.ensureSandbox(id);
      const routes = [{ destination: '198.51.100.0/24', nextHop: one.gateway }];
      await dataplane.plug(id, { ...plugFor(tag, one, 2), routes });
      strictEqual((await dataplane.reach(id, { address: '198.51.100.1' })).path[0], 'eth0');
      await cannotReach(dataplane, id, '203.0.113.1', /no route/);
    },
  },
  {
    name: 'nothing is reached from a sandbox that does not exist',
    async run(dataplane) {
      await cannotReach(dataplane, newId(), '10.1.0.2', /not running/);
      await rejects(dataplane.reach(hostSandbox, { address: 'nowhere' }), { kind: 'invalid' });
    },
  },
];

export const dataplaneChecks: readonly DataplaneCheck[] = [...lifecycle, ...reachability, ...tunnelChecks];
