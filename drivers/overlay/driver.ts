import type { Endpoint, Network } from '../../src/cluster/records.ts';
import type { NetworkRules } from '../../src/dataplane/firewall.ts';
import type { Inspection } from '../../src/dataplane/inspection.ts';
import type { Links } from '../../src/dataplane/links.ts';
import { hostEndName } from '../../src/dataplane/names.ts';
import type { Tunnels } from '../../src/dataplane/tunnels.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import { runAll } from '../../src/lib/undo.ts';
import type { Driver, JoinResult, Peer, Spare } from '../driver.ts';
import { defaultRoutes } from '../gateways.ts';
import { allowsSpoofing, parseInterfacePrefix } from '../option-values.ts';
import { deviceNames, devicesOf, mtuOn, tunnelPort, type Underlay } from './device.ts';
import { Encryption, type TunnelNode } from './encryption.ts';
import { checkOptions, isEncrypted, wantedVni } from './options.ts';
import { entriesFor, macOf } from './peers.ts';
import { TunnelProgrammer } from './tunnel-programmer.ts';

/**
 * Networks over many hosts: on each a bridge with the gateway's addresses, and in it a vxlan device whose
 * every entry is static, programmed from the records of endpoints on other nodes.
 *
 * Roads not taken:
 * - Miss handlers (`l2miss`, `l3miss`: the kernel asks user space for each unknown MAC or address, as
 *   libnetwork and early flannel did). The first packet waits for a process, is lost while the daemon is
 *   down, and every stray ARP request wakes it. What is known beforehand need not be asked for.
 * - Multicast or a flood list for unknown destinations. Underlays seldom carry multicast, and each unknown
 *   frame would cost one packet per node. There is no unknown destination here: who is not in the records
 *   does not exist, and the device drops what is meant for him.
 * - Learning, by the device or by the bridge from the device. A learned entry outlives the endpoint it was
 *   learned from by up to five minutes, and so a container that moved is sent to its old host.
 * - A gateway on one node, or one address per node. Traffic that leaves the network would cross the tunnel
 *   to leave elsewhere, and die with that node; an address per node costs addresses, and a container that
 *   moves must change its route. With one address and one MAC everywhere (anycast) each host routes what
 *   its own containers send. The price: a host reaches by address only the containers it has itself.
 * - A namespace per network for bridge and device (as Swarm has them). It hides them from people and from
 *   `doctor`, and the way out would need one more veth pair; the firewall keeps networks apart just as well.
 * - Encrypted networks by firewall marks on their VXLAN ids (as libnetwork does it). Where somebody flushes the
 *   rules, the marks are gone and packets leave in the clear. A port of their own needs no marks: the kernel's
 *   policy is on the port, and without a key nothing leaves.
 */
export function createOverlayDriver({ dataplane, tag, advertise, node, port }: OverlayDependencies): Driver {
  const underlay = new UnderlayOf(dataplane, advertise);
  const encryption = node && new Encryption(dataplane, node);
  const tunnels = new TunnelProgrammer(dataplane);
  /** @throws unsupported */
  const requireEncryption = async (local: string | undefined) => {
    const obstacle = encryption
      ? await dataplane.encryptionObstacle(local ?? '0.0.0.0')
      : 'it has no node id';
    if (obstacle === undefined) return;
    throw new FairleadError(
      'unsupported',
      `this host cannot encrypt overlay networks: ${obstacle}: ${advice}`,
    );
  };
  const hostEnd = (endpoint: Endpoint, network: Network) => {
    const { bridge } = deviceNames(tag, network);
    return { kind: 'veth', hostName: hostEndName(tag, endpoint.id), bridge } as const;
  };
  return {
    name: 'overlay',
    scope: 'global',
    addressed: true,
    single: false,
    async validate({ options }) {
      checkOptions(options);
      if (isEncrypted(options)) await requireEncryption(advertise());
    },
    wantedVni,

    async ensureNetwork(network) {
      const { bridge, vxlan } = devicesOf(tag, network, await underlay.read(), port);
      if (vxlan.encrypted) {
        await requireEncryption(vxlan.local);
        encryption?.enter(network.id);
      }
      await dataplane.ensureBridge(bridge);
      await dataplane.ensureVxlan(vxlan);
      tunnels.lookAgain(vxlan.name);
    },

    async removeNetwork(network) {
      const { bridge, vxlan } = deviceNames(tag, network);
      await encryption?.leave(network.id);
      tunnels.forget(vxlan);
      await runAll([() => dataplane.removeVxlan(vxlan), () => dataplane.removeBridge(bridge)]);
    },

    async join(network, endpoint): Promise<JoinResult> {
      const mtu = mtuOn(network, await underlay.known());
      const mac = macOf(endpoint);
      const given = mac === undefined ? {} : { mac };
      const source = hostEnd(endpoint, network);
      return {
        interface: { source, namePrefix: parseInterfacePrefix(network.options), mtu, ...given },
        ...defaultRoutes(network),
        routes: [],
      };
    },

    async leave(network, endpoint) {
      await dataplane.unplug(endpoint.containerId, { name: '', source: hostEnd(endpoint, network) });
    },

    async setPeers(network, peers: readonly Peer[], spare?: Spare) {
      if (isEncrypted(network.options)) {
        const { address } = await underlay.known();
        await encryption?.setPeers(network.id, address, peers);
      }
      const { vxlan } = deviceNames(tag, network);
      await tunnels.program(vxlan, peers, spare);
    },

    async expected(network, peers) {
      const { bridge, vxlan } = devicesOf(tag, network, await underlay.read(), port);
      const devices = { bridges: [bridge], vxlans: [{ ...vxlan, entries: entriesFor(peers) }] };
      if (!vxlan.encrypted || !encryption) return devices;
      return { ...devices, associations: await encryption.expected(vxlan.local) };
    },

    firewall: (network) => rules(tag, network, port),
    interfaces: (network) => Object.values(deviceNames(tag, network)),
  };
}

export interface OverlayDependencies {
  readonly dataplane: Links & Tunnels & Pick<Inspection, 'mtuOf'>;
  /** The node's; see src/dataplane/names.ts. */
  readonly tag: string;
  /** The address that other nodes reach this one at; undefined when it has none. */
  readonly advertise: () => string | undefined;
  /** Absent: this node has no part in encrypted networks. */
  readonly node?: TunnelNode | undefined;
  /** UDP port of tunnels that are not encrypted; the same on every node. */
  readonly port: number;
}

const advice = 'leave --opt encrypted out, or encrypt the underlay (IPsec or WireGuard between the hosts)';

function rules(tag: string, network: Network, port: number): NetworkRules {
  return {
    bridge: deviceNames(tag, network).bridge,
    subnets: network.ipam.pools.map(({ subnet }) => subnet),
    internal: network.internal,
    masquerade: true,
    icc: true,
    tunnelPort: tunnelPort(network, port),
    ...(network.vni === undefined ? {} : { vni: network.vni }),
    ...(isEncrypted(network.options) ? { encrypted: true } : {}),
    ...(allowsSpoofing(network.options) ? { anySource: true } : {}),
  };
}

/** The node's underlay, read from the kernel when a network is set up, remembered for what joins it. */
class UnderlayOf {
  #last: Underlay | undefined;

  constructor(
    private readonly dataplane: Pick<Inspection, 'mtuOf'>,
    private readonly advertise: () => string | undefined,
  ) {}

  async known(): Promise<Underlay> {
    return this.#last ?? (await this.read());
  }

  /** @throws unavailable without an address; invalid when no interface of this host has it */
  async read(): Promise<Underlay> {
    const address = this.advertise();
    if (address === undefined) {
      throw new FairleadError(
        'unavailable',
        'this node has no address that other nodes could reach it at: name one with --advertise ADDR|IFACE',
      );
    }
    const mtu = await this.dataplane.mtuOf(address);
    if (mtu === undefined) {
      throw new FairleadError(
        'invalid',
        `--advertise ${address}: no interface of this host has this address, so no tunnel can start at it`,
      );
    }
    this.#last = { address, mtu };
    return this.#last;
  }
}
