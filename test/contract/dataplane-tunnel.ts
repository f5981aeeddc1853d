import { deepStrictEqual, match, ok, rejects } from 'node:assert/strict';
import type { Association } from '../../src/dataplane/associations.ts';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import { bridgeName, hostEndName, vxlanName } from '../../src/dataplane/names.ts';
import { hostSandbox } from '../../src/dataplane/sandboxes.ts';
import type { TunnelChanges, TunnelEntries, VxlanSpec } from '../../src/dataplane/tunnels.ts';
import { newId } from '../../src/lib/ids.ts';

/** What every data plane must do with vxlan devices; a part of the suite in dataplane.ts. */
export const tunnelChecks: readonly {
  readonly name: string;
  readonly run: (dataplane: Dataplane, tag: string) => Promise<void>;
}[] = [
  {
    name: 'a vxlan device is made once, with nothing in it, and removed for good',
    async run(dataplane, tag) {
      const spec = await makeTunnel(dataplane, tag);
      await dataplane.ensureVxlan(spec);
      deepStrictEqual((await dataplane.owned()).vxlans, [spec.name]);
      deepStrictEqual(await dataplane.tunnelEntries(spec.name), nothing);
      await dataplane.removeVxlan(spec.name);
      await dataplane.removeVxlan(spec.name);
      deepStrictEqual((await dataplane.owned()).vxlans, []);
    },
  },
  {
    name: 'a vxlan device needs its bridge, and entries need their device',
    async run(dataplane, tag) {
      const spec = specFor(tag);
      await rejects(dataplane.ensureVxlan(spec), { kind: 'not-found' });
      await rejects(dataplane.tunnelEntries(spec.name), { kind: 'not-found' });
      await rejects(dataplane.changeTunnel(spec.name, setting(wanted)), { kind: 'not-found' });
      deepStrictEqual((await dataplane.owned()).vxlans, []);
    },
  },
  {
    name: 'entries are set, replaced and removed, each as often as one likes',
    async run(dataplane, tag) {
      const { name } = await makeTunnel(dataplane, tag);
      await dataplane.changeTunnel(name, setting(wanted));
      await dataplane.changeTunnel(name, setting(wanted));
      deepStrictEqual(sorted(await dataplane.tunnelEntries(name)), wanted);
      const moved = { ...nothing, forwarding: [{ mac: mac2, via: '192.0.2.9' }] };
      const remove = { bridged: [mac3], forwarding: [mac3], neighbours: ['10.1.0.3'] };
      await dataplane.changeTunnel(name, { set: moved, remove });
      await dataplane.changeTunnel(name, { set: moved, remove });
      deepStrictEqual(sorted(await dataplane.tunnelEntries(name)), {
        bridged: [mac2],
        forwarding: [{ mac: mac2, via: '192.0.2.9' }],
        neighbours: wanted.neighbours.filter(({ mac }) => mac === mac2),
      });
    },
  },
  {
    name: 'entries outlive a repeated ensure, and go when the device must be made anew',
    async run(dataplane, tag) {
      const spec = await makeTunnel(dataplane, tag);
      await dataplane.changeTunnel(spec.name, setting(wanted));
      await dataplane.ensureVxlan({ ...spec, mtu: 1400 });
      deepStrictEqual(sorted(await dataplane.tunnelEntries(spec.name)), wanted);
      for (const change of [{ vni: 5000 }, { vni: 5000, local: '2001:db8::1' }]) {
        await dataplane.ensureVxlan({ ...spec, ...change });
        deepStrictEqual(await dataplane.tunnelEntries(spec.name), nothing);
        await dataplane.changeTunnel(spec.name, setting({ ...nothing, neighbours: wanted.neighbours }));
      }
    },
  },
  {
    name: 'a device of an earlier network gives its VNI up',
    async run(dataplane, tag) {
      await makeTunnel(dataplane, tag);
      const heir = await makeTunnel(dataplane, tag);
      deepStrictEqual((await dataplane.owned()).vxlans, [heir.name]);
    },
  },
  {
    name: 'tells in one line what it lacks to encrypt, or holds associations and lets go of those that it is told to',
    async run(dataplane, tag) {
      const spec = await makeTunnel(dataplane, tag, sealed);
      const add = [1, 2].map((n) => ({ ...association(n), key: String(n).repeat(72) }));
      const obstacle = await dataplane.encryptionObstacle(spec.local);
      if (obstacle !== undefined) {
        match(obstacle, /^its kernel lacks .*\(CONFIG_\w+.*\)$/);
        await rejects(dataplane.changeAssociations({ add, remove: [] }));
        deepStrictEqual(await dataplane.associations(), []);
        return;
      }
      await dataplane.changeAssociations({ add, remove: [] });
      deepStrictEqual(await spis(dataplane), [1001, 1002]);
      const more = [...add, { ...association(3), key: '3'.repeat(72) }];
      await dataplane.changeAssociations({ add: more, remove: [association(9), association(1)] });
      deepStrictEqual(await spis(dataplane), [1002, 1003]);
      await dataplane.changeAssociations({ add: [], remove: [association(1), association(3)] });
      deepStrictEqual(await dataplane.associations(), [association(2)]);
      await dataplane.removeVxlan(spec.name);
      deepStrictEqual(await dataplane.associations(), []);
    },
  },
  {
    name: 'a device is encrypted from its first moment on, whatever comes and goes beside it',
    async run(dataplane, tag) {
      const encrypted = async () =>
        (await dataplane.survey([])).vxlans.filter((vxlan) => vxlan.encrypted).map(({ name }) => name);
      const plain = await makeTunnel(dataplane, tag);
      const [first, second] = [
        await makeTunnel(dataplane, tag, sealed),
        await makeTunnel(dataplane, tag, { ...sealed, vni: 4244 }),
      ];
      deepStrictEqual((await encrypted()).toSorted(), [first.name, second.name].toSorted());
      await Promise.all([dataplane.removeVxlan(first.name), dataplane.removeVxlan(plain.name)]);
      deepStrictEqual(await encrypted(), [second.name]);
      const [, third] = await Promise.all([
        dataplane.removeVxlan(second.name),
        makeTunnel(dataplane, tag, sealed),
      ]);
      deepStrictEqual(await encrypted(), [third.name]);
    },
  },
  {
    name: 'close takes vxlan devices along',
    async run(dataplane, tag) {
      await makeTunnel(dataplane, tag);
      await dataplane.close();
      deepStrictEqual(await dataplane.owned(), { sandboxes: [], bridges: [], interfaces: [], vxlans: [] });
    },
  },
  {
    name: 'sandboxes reach neither the tunnels port nor, by it, another host',
    async run(dataplane, tag) {
      const { bridge } = await makeTunnel(dataplane, tag);
      const subnets = ['10.1.0.0/24'];
      const rules = { bridge, subnets, internal: false, masquerade: true, icc: true, tunnelPort: 4789 };
      await dataplane.applyFirewall({ networks: [rules] });
      const id = await join(dataplane, tag, bridge);
      const port = { protocol: 'udp', port: 4789 } as const;
      const { reachable, reason } = await dataplane.reach(id, { address: '198.51.100.1', port });
      ok(!reachable);
      match(reason ?? '', /^udp port 4789 is for tunnels between hosts/);
      const other = await dataplane.reach(id, { address: '10.1.0.1' });
      ok(other.reachable, other.reason);
    },
  },
  {
    name: 'nobody answers for an address whose entries were removed',
    async run(dataplane, tag) {
      const { name, bridge } = await makeTunnel(dataplane, tag);
      const id = await join(dataplane, tag, bridge);
      await dataplane.changeTunnel(name, setting(wanted));
      const remove = { bridged: [mac3], forwarding: [mac3], neighbours: ['10.1.0.3'] };
      await dataplane.changeTunnel(name, { set: nothing, remove });
      for (const from of [id, hostSandbox]) {
        const { reachable, reason } = await dataplane.reach(from, { address: '10.1.0.3' });
        ok(!reachable);
        match(reason ?? '', /nobody has 10\.1\.0\.3/);
      }
    },
  },
];

const [mac2, mac3] = ['02:42:0a:01:00:02', '02:42:0a:01:00:03'];
const nothing: TunnelEntries = { bridged: [], forwarding: [], neighbours: [] };
const wanted: TunnelEntries = {
  bridged: [mac2, mac3],
  forwarding: [
    { mac: mac2, via: '192.0.2.2' },
    { mac: mac3, via: '192.0.2.3' },
  ],
  neighbours: [
    { address: '10.1.0.2', mac: mac2 },
    { address: '10.1.0.3', mac: mac3 },
    { address: 'fd00:1::2', mac: mac2 },
  ],
};

const sealed = { vni: 4243, port: 4793, encrypted: true } as const;

function association(n: number): Association {
  return { source: '192.0.2.1', destination: `192.0.2.1${n}`, spi: 1000 + n };
}

async function spis(dataplane: Dataplane): Promise<readonly number[]> {
  return (await dataplane.associations()).map(({ spi }) => spi).toSorted();
}

function setting(set: TunnelEntries): TunnelChanges {
  return { set, remove: { bridged: [], forwarding: [], neighbours: [] } };
}

function sorted({ bridged, forwarding, neighbours }: TunnelEntries): TunnelEntries {
  return {
    bridged: bridged.toSorted(),
    forwarding: forwarding.toSorted((a, b) => (a.mac < b.mac ? -1 : 1)),
    neighbours: neighbours.toSorted((a, b) => (a.address < b.address ? -1 : 1)),
  };
}

function specFor(tag: string): VxlanSpec {
  const id = newId();
  const local = '192.0.2.1';
  return { name: vxlanName(tag, id), bridge: bridgeName(tag, id), vni: 4242, local, port: 4789, mtu: 1450 };
}

async function makeTunnel(
  dataplane: Dataplane,
  tag: string,
  change: Partial<VxlanSpec> = {},
): Promise<VxlanSpec> {
  const spec = { ...specFor(tag), ...change };
  await dataplane.ensureBridge({ name: spec.bridge, addresses: ['10.1.0.1/24'], mtu: 1450 });
  await dataplane.ensureVxlan(spec);
  return spec;
}

/** A sandbox 10.1.0.9 on the bridge. */
async function join(dataplane: Dataplane, tag: string, bridge: string): Promise<string> {
  const id = newId();
  await dataplane.ensureSandbox(id);
  await dataplane.plug(id, {
    name: 'eth0',
    source: { kind: 'veth', hostName: hostEndName(tag, newId()), bridge },
    addresses: ['10.1.0.9/24'],
  });
  await dataplane.setDefaultRoutes(id, { ipv4: '10.1.0.1' });
  return id;
}
