import type { Endpoint, Network } from '../../cluster/records.ts';
import type { Attachment } from '../../container/container.ts';
import type { EngineNetwork } from '../../container/host-engine.ts';
import { overlaps, parseSubnet } from '../../lib/addresses.ts';
import { byIdOrName } from '../../lib/lookup.ts';
import type { EngineSide, NetworkContext } from '../context.ts';

/** The Engine's networks that are none of ours, as they were when last looked at: shown, and left to it. */
export class NativeNetworks {
  #networks: readonly Network[] = [];

  constructor(
    private readonly parts: Pick<NetworkContext, 'runtime' | 'nodeLease'>,
    private readonly engine: EngineSide,
  ) {}

  list(): readonly Network[] {
    return this.#networks;
  }

  has(networkId: string): boolean {
    return this.#networks.some(({ id }) => id === networkId);
  }

  named(ref: string): Network | undefined {
    return byIdOrName(ref, this.#networks);
  }

  /** CIDRs of all of them, Swarm's included. */
  subnets(): readonly string[] {
    return this.#networks.flatMap(({ ipam }) => ipam.pools.map(({ subnet }) => subnet)).sort();
  }

  /**
   * One of this host that has a subnet of this one's: the Engine would masquerade and route what is meant for the other.
   * Swarm's are in namespaces of their own, where nothing of ours is.
   */
  conflictingWith({ ipam }: Network): Network | undefined {
    const subnets = ipam.pools.map(({ subnet }) => parseSubnet(subnet));
    return this.#networks.find(
      (own) =>
        own.scope === 'local' &&
        own.ipam.pools.some(({ subnet }) => subnets.some((ours) => overlaps(ours, parseSubnet(subnet)))),
    );
  }

  /** What was found on a look at all of the Engine's networks. */
  set(found: readonly EngineNetwork[]): void {
    this.#networks = found.filter(({ driver }) => driver !== this.engine.driver).map(networkOf);
  }

  /** Where the Engine's containers are on it; this node's only, for that is all that the Engine knows. */
  endpoints(networkId: string): readonly Endpoint[] {
    const network = this.#networks.find(({ id }) => id === networkId);
    const isOn = ({ network: ref }: Attachment) => ref === networkId || ref === network?.name;
    const nodeId = this.parts.nodeLease.self.id;
    return this.parts.runtime
      .list()
      .flatMap(({ attachments }) => attachments.filter(isOn).flatMap(({ endpoint }) => endpoint ?? []))
      .map((endpoint) => ({ ...endpoint, networkId, nodeId }));
  }
}

function networkOf(found: EngineNetwork): Network {
  const { id, name, driver, scope, created, internal, attachable, ipv6, ipamDriver } = found;
  const pools = found.pools.map(({ subnet, gateway, ipRange }) => ({
    subnet: parseSubnet(subnet).text,
    gateway: gateway ?? '',
    ...(ipRange ? { ipRange } : {}),
    auxAddresses: {},
  }));
  return {
    ...{ id, name, driver, created, internal, attachable, ipv6 },
    scope: scope === 'local' ? 'local' : 'global',
    ipam: { driver: ipamDriver, options: {}, pools },
    options: { ...found.options },
    labels: { ...found.labels },
  };
}
