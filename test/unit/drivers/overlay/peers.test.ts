import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Driver } from '../../../../drivers/driver.ts';
import { createOverlayDriver } from '../../../../drivers/overlay/driver.ts';
import {
  applyChanges,
  diffEntries,
  entriesFor,
  isEmpty,
  sparing,
} from '../../../../drivers/overlay/peers.ts';
import { createSimulatedDataplane } from '../../../../src/dataplane/simulated.ts';
import type { TunnelEntries } from '../../../../src/dataplane/tunnels.ts';
import { newId } from '../../../../src/lib/ids.ts';
import { endpointOf, networkOf } from '../../../contract/driver.ts';

const mac = fc.constantFrom(...['02', '03', '04', '05', '06'].map((last) => `02:42:0a:01:00:${last}`));
const via = fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::3');
const address = fc.constantFrom('10.1.0.2', '10.1.0.3', '10.1.0.4', 'fd00:1::2', 'fd00:1::3');
const none = { bridged: [], forwarding: [], neighbours: [] };

/** As a kernel may hold them after somebody's hand: keys twice, entries that would expire. */
const present: fc.Arbitrary<TunnelEntries> = fc.record({
  bridged: fc.array(mac),
  forwarding: fc.array(fc.record({ mac, via: fc.oneof(via, fc.constant('')) })),
  neighbours: fc.array(fc.record({ address, mac: fc.oneof(mac, fc.constant('')) })),
});

const wanted: fc.Arbitrary<TunnelEntries> = fc.record({
  bridged: fc.uniqueArray(mac),
  forwarding: fc.uniqueArray(fc.record({ mac, via }), { selector: (entry) => entry.mac }),
  neighbours: fc.uniqueArray(fc.record({ address, mac }), { selector: (entry) => entry.address }),
});

function distinct({ bridged, forwarding, neighbours }: TunnelEntries) {
  const texts = (entries: readonly object[]) => [...new Set(entries.map((entry) => JSON.stringify(entry)))];
  return {
    bridged: [...new Set(bridged)].sort(),
    forwarding: texts(forwarding.map((entry) => ({ mac: entry.mac, via: entry.via }))).sort(),
    neighbours: texts(neighbours.map((entry) => ({ address: entry.address, mac: entry.mac }))).sort(),
  };
}

describe('the difference of two tables', () => {
  test('applied to the first gives exactly the second', () => {
    fc.assert(
      fc.property(present, wanted, (before, after) => {
        expect(distinct(applyChanges(before, diffEntries(before, after)))).toEqual(distinct(after));
      }),
      { numRuns: 2000 },
    );
  });

  test('is empty when they are equal, whatever the order, and after it was applied', () => {
    fc.assert(
      fc.property(present, wanted, (before, after) => {
        const turned = {
          bridged: after.bridged.toReversed(),
          forwarding: after.forwarding.toReversed(),
          neighbours: after.neighbours.toReversed(),
        };
        expect(isEmpty(diffEntries(turned, after))).toBe(true);
        const now = applyChanges(before, diffEntries(before, after));
        expect(isEmpty(diffEntries(now, after))).toBe(true);
      }),
    );
  });

  test('replaces what moved in place, without a gap', () => {
    const before = { ...none, forwarding: [{ mac: '02:42:0a:01:00:02', via: '192.0.2.1' }] };
    const after = { ...none, forwarding: [{ mac: '02:42:0a:01:00:02', via: '192.0.2.2' }] };
    expect(diffEntries(before, after)).toEqual({ set: after, remove: none });
  });

  test('takes away what nobody asked for, a flood entry for instance', () => {
    const flood = { mac: '00:00:00:00:00:00', via: '192.0.2.1' };
    const changes = diffEntries({ ...none, forwarding: [flood, { ...flood, via: '192.0.2.2' }] }, none);
    expect(changes).toEqual({ set: none, remove: { ...none, forwarding: ['00:00:00:00:00:00'] } });
  });

  test('spares what no record speaks for, unless it leads away from an endpoint of this node', () => {
    const both = entriesFor(
      [2, 3].map((last) => ({ endpoint: endpointOf(network, last), via: '192.0.2.2' })),
    );
    const changes = diffEntries(both, none);
    expect(sparing(changes, [])).toEqual({ set: none, remove: none });
    expect(sparing(changes, [endpointOf(network, 3)])).toEqual({
      set: none,
      remove: {
        bridged: ['02:42:0a:01:00:03'],
        forwarding: ['02:42:0a:01:00:03'],
        neighbours: ['10.1.0.3', 'fd00:1::3'],
      },
    });
  });
});

const overlay = driver('192.0.2.1');
const network = networkOf(overlay);

function driver(advertise?: string, dataplane = createSimulatedDataplane()): Driver {
  const node = { id: newId(), publish: async () => {}, lifetimeMs: 3_600_000, settleMs: 15_000 };
  return createOverlayDriver({ dataplane, tag: 'a1b2', advertise: () => advertise, node, port: 4789 });
}

describe('the entries of endpoints', () => {
  test('are their MAC, the node it is on and their addresses', () => {
    expect(entriesFor([{ endpoint: endpointOf(network, 2), via: '192.0.2.2' }])).toEqual({
      bridged: ['02:42:0a:01:00:02'],
      forwarding: [{ mac: '02:42:0a:01:00:02', via: '192.0.2.2' }],
      neighbours: [
        { address: '10.1.0.2', mac: '02:42:0a:01:00:02' },
        { address: 'fd00:1::2', mac: '02:42:0a:01:00:02' },
      ],
    });
  });

  test('follow from the address where there is no MAC, and are in lower case where somebody chose one', () => {
    const { mac: _, ...plain } = endpointOf(network, 2);
    const shouted = { ...endpointOf(network, 3), mac: '02:AB:00:00:00:03' };
    const peers = [plain, shouted].map((endpoint) => ({ endpoint, via: '192.0.2.2' }));
    expect(entriesFor(peers).bridged.toSorted()).toEqual(['02:42:0a:01:00:02', '02:ab:00:00:00:03']);
  });

  test('are those of the younger where two claim the same, on every node alike', () => {
    const old = { endpoint: endpointOf(network, 2), via: '192.0.2.2' };
    const young = {
      endpoint: { ...endpointOf(network, 2), created: '2015-06-23T00:00:00.000000000Z' },
      via: '192.0.2.3',
    };
    for (const peers of [
      [old, young],
      [young, old],
    ]) {
      expect(entriesFor(peers).forwarding).toEqual([{ mac: '02:42:0a:01:00:02', via: '192.0.2.3' }]);
    }
  });
});

describe('options of the overlay driver', () => {
  const problem = async (options: Record<string, string>, on = overlay): Promise<unknown> => {
    try {
      await on.validate(networkOf(on, { options }), []);
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const [vnis, mtu] = ['com.docker.network.driver.overlay.vxlanid_list', 'com.docker.network.driver.mtu'];

  test.each(['0', '16777216', '-1', 'x', '1,2', '999999999'])('VXLAN id %s is refused', async (text) => {
    expect(await problem({ [vnis]: text })).toMatchObject({
      kind: 'invalid',
      message: `invalid value for ${vnis}: "${text}": expected one VXLAN id from 1 to 16777215`,
    });
  });

  test('the VXLAN id is told to whoever takes it', () => {
    expect(overlay.wantedVni?.({ [vnis]: '16777215' })).toBe(16777215);
    expect(overlay.wantedVni?.({})).toBeUndefined();
  });

  test('encryption is refused where the host cannot encrypt, with why and what to do instead', async () => {
    const dataplane = Object.assign(createSimulatedDataplane(), {
      encryptionObstacle: async () => 'its kernel lacks ESP (CONFIG_INET_ESP)',
    });
    const poor = driver('192.0.2.1', dataplane);
    const refusal = {
      kind: 'unsupported',
      message:
        'this host cannot encrypt overlay networks: its kernel lacks ESP (CONFIG_INET_ESP): leave --opt encrypted ' +
        'out, or encrypt the underlay (IPsec or WireGuard between the hosts)',
    };
    for (const yes of ['', 'true', '1'])
      expect(await problem({ encrypted: yes }, poor)).toMatchObject(refusal);
    expect(await problem({ encrypted: 'false' }, poor)).toBeUndefined();
    expect(await problem({ encrypted: 'maybe' }, poor)).toMatchObject({ kind: 'invalid' });
    expect(await problem({ encrypted: '' })).toBeUndefined();
    // A network that another host has made.
    const made = networkOf(overlay, { options: { encrypted: '' } });
    await expect(poor.ensureNetwork(made)).rejects.toMatchObject(refusal);
    expect(await dataplane.owned()).toMatchObject({ bridges: [], vxlans: [] });
  });

  test('an MTU that no link has is refused', async () => {
    expect(await problem({ [mtu]: '67' })).toMatchObject({
      kind: 'invalid',
      message: 'invalid MTU number: 67',
    });
  });

  test('the MTU leaves room for the tunnel, unless one is given', async () => {
    const mtuOf = async (advertise: string, options = {}) =>
      (await driver(advertise).join(networkOf(overlay, { options }), endpointOf(network))).interface?.mtu;
    expect(await mtuOf('192.0.2.1')).toBe(1450);
    expect(await mtuOf('2001:db8::1')).toBe(1430);
    expect(await mtuOf('192.0.2.1', { [mtu]: '1400' })).toBe(1400);
    // With ESP: 1416 + 14 (Ethernet) + 16 (VXLAN, UDP) + 2 (trailer) + 32 (header, IV, check value) + 20 (IPv4).
    expect(await mtuOf('192.0.2.1', { encrypted: '' })).toBe(1416);
    expect(await mtuOf('2001:db8::1', { encrypted: '' })).toBe(1396);
    expect(await mtuOf('192.0.2.1', { encrypted: '', [mtu]: '1300' })).toBe(1300);
  });
});

describe('the overlay driver', () => {
  test('says what is missing without an address for others', async () => {
    await expect(driver().ensureNetwork(network)).rejects.toMatchObject({
      kind: 'unavailable',
      message:
        'this node has no address that other nodes could reach it at: name one with --advertise ADDR|IFACE',
    });
  });

  test('makes peers reachable, moves them and forgets them', async () => {
    const dataplane = createSimulatedDataplane();
    const { setPeers, ensureNetwork, join } = driver('192.0.2.1', dataplane);
    await ensureNetwork(network);
    await dataplane.ensureSandbox('c1');
    const { interface: given } = await join(network, endpointOf(network, 9));
    if (!given || !setPeers) throw new Error('an overlay gives an interface and takes peers');
    await dataplane.plug('c1', { name: 'eth0', source: given.source, addresses: ['10.1.0.9/24'] });
    const peer = endpointOf(network, 2);
    const path = async () => (await dataplane.reach('c1', { address: '10.1.0.2' })).path.slice(2);
    const [, vxlan = ''] = overlay.interfaces?.(network) ?? [];
    for (const node of ['192.0.2.2', '192.0.2.3']) {
      await setPeers(network, [{ endpoint: peer, via: node }]);
      expect(await path()).toEqual([`${vxlan} (vxlan)`, `node ${node}`]);
    }
    await setPeers(network, []);
    expect(await dataplane.tunnelEntries(vxlan)).toEqual(none);
    expect((await dataplane.reach('c1', { address: '10.1.0.2' })).reason).toMatch(/^nobody has 10\.1\.0\.2/);
  });

  describe('looks at a tunnel', () => {
    const [, vxlan = ''] = overlay.interfaces?.(network) ?? [];
    const peer = (last: number) => ({ endpoint: endpointOf(network, last), via: '192.0.2.2' });

    async function watched() {
      const dataplane = createSimulatedDataplane();
      const look = vi.spyOn(dataplane, 'tunnelEntries');
      const { setPeers, ensureNetwork } = driver('192.0.2.1', dataplane);
      if (!setPeers) throw new Error('an overlay takes peers');
      await ensureNetwork(network);
      const lookedAt = () => look.mock.calls.length;
      const forwarded = async () => (await dataplane.tunnelEntries(vxlan)).forwarding.length;
      return { dataplane, setPeers, ensureNetwork, lookedAt, forwarded };
    }

    test('once, however often its peers change', async () => {
      const { setPeers, lookedAt, forwarded } = await watched();
      for (const last of [2, 3, 4]) await setPeers(network, [peer(last), peer(9)]);
      await setPeers(network, [peer(9)], { except: [] });
      expect(lookedAt()).toBe(1);
      // What was spared is known, too.
      expect(await forwarded()).toBe(2);
      await setPeers(network, [peer(9)]);
      expect(await forwarded()).toBe(1);
    });

    test('again after the network was set up again, and then mends it', async () => {
      const { dataplane, setPeers, ensureNetwork, forwarded } = await watched();
      await setPeers(network, [peer(2)]);
      const { bridged, forwarding, neighbours } = entriesFor([peer(2)]);
      const remove = {
        bridged,
        forwarding: forwarding.map(({ mac }) => mac),
        neighbours: neighbours.map(({ address }) => address),
      };
      await dataplane.changeTunnel(vxlan, { set: none, remove });
      await ensureNetwork(network);
      await setPeers(network, [peer(2)]);
      expect(await forwarded()).toBe(1);
    });

    test('again after a change that failed, or that it was set up during', async () => {
      const { dataplane, setPeers, ensureNetwork, lookedAt } = await watched();
      const change = vi.spyOn(dataplane, 'changeTunnel');
      change.mockRejectedValueOnce(new Error('no such device'));
      await expect(setPeers(network, [peer(2)])).rejects.toThrow('no such device');
      await setPeers(network, [peer(2)]);
      expect(lookedAt()).toBe(2);
      change.mockImplementationOnce(() => ensureNetwork(network));
      await setPeers(network, [peer(3)]);
      await setPeers(network, [peer(3)]);
      expect(lookedAt()).toBe(3);
    });
  });
});
