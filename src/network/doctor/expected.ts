import type { Network } from '../../cluster/records.ts';
import type { Container } from '../../container/container.ts';
import { shortId } from '../../lib/ids.ts';
import { driverOf, type NetworkContext } from '../context.ts';
import type { Fact } from '../host/facts.ts';
import { routesFor } from '../host/gateway.ts';
import {
  associationFact,
  bridgeFact,
  hostEndFact,
  interfaceFact,
  parentFact,
  routeFacts,
  tunnelFacts,
  vxlanFact,
} from '../host/kernel-facts.ts';
import type { Peers } from '../host/peers.ts';
import { ourNetworks } from '../networks/predefined.ts';

/** Running containers with a network stack of their own: whose interfaces this node answers for. */
export function ownStacks({ runtime }: NetworkContext): readonly Container[] {
  const running = runtime.list().filter(({ state }) => state.status === 'running');
  return running.filter(({ id }) => runtime.sandboxOf(id) === id);
}

/** Networks that this host must have devices of: its own, and those of many hosts that a container here is on. */
export function networksHere(parts: NetworkContext): readonly Network[] {
  const joined = new Set(
    ownStacks(parts).flatMap(({ attachments }) =>
      attachments.flatMap(({ endpoint, network }) => (endpoint ? [network] : [])),
    ),
  );
  return ourNetworks(parts).filter(({ id, scope }) => scope === 'local' || joined.has(id));
}

/** What the records want the kernel of this host to hold, and the stores of its containers. */
export async function expectedFacts(parts: NetworkContext, peers: Peers): Promise<readonly Fact[]> {
  const networks = networksHere(parts);
  const ofNetworks = await Promise.all(networks.map((network) => ofNetwork(parts, peers, network)));
  const all = [
    ...ofNetworks.flat(),
    ...ownStacks(parts).flatMap((container) => ofContainer(parts, container)),
  ];
  // What networks share is told by each.
  return [...new Map(all.map((fact) => [fact.what, fact])).values()];
}

async function ofNetwork(parts: NetworkContext, peers: Peers, network: Network): Promise<Fact[]> {
  const devices = await driverOf(parts, network).expected?.(network, peers.of(network.id));
  if (!devices) return [];
  const facts = [
    ...devices.bridges.map((bridge) => bridgeFact(bridge)),
    ...(devices.parents ?? []).map((parent) => parentFact(parent)),
    ...devices.vxlans.map((vxlan) => vxlanFact(vxlan)),
    ...devices.vxlans.flatMap(({ name, entries }) => tunnelFacts(name, entries)),
  ];
  const shared = devices.associations?.map(associationFact) ?? [];
  return [...facts.map((fact) => ({ ...fact, network: network.id })), ...shared];
}

function ofContainer(parts: NetworkContext, container: Container): Fact[] {
  const { name, attachments } = container;
  const ofAttachments = attachments.flatMap(({ endpoint, interface: made, network }): Fact[] => {
    if (!endpoint) return [];
    const { ipv4, ipv6, mac } = endpoint;
    const { name: interfaceName = '', source } = made ?? {};
    const addresses = [ipv4, ipv6].filter((address) => address !== undefined);
    const inside =
      interfaceName === ''
        ? []
        : [interfaceFact(name, { name: interfaceName, addresses, up: true, ...(mac ? { mac } : {}) })];
    const outside = source?.kind === 'veth' ? [hostEndFact(source.hostName, source.bridge)] : [];
    const record = parts.directory.network(network) ? [recordFact(container, network, endpoint.id)] : [];
    return [...outside, ...inside, ...record].map((fact) => ({ ...fact, network }));
  });
  return [...ofAttachments, ...routeFacts(name, routesFor(container))];
}

/** That the others can know of the container: its endpoint is in the store. */
export function recordFact(
  { id, name }: Pick<Container, 'id' | 'name'>,
  network: string,
  endpointId: string,
): Fact {
  const what = `record of endpoint ${shortId(endpointId)} on network ${shortId(network)}`;
  return { what, value: `container ${name} (${shortId(id)})` };
}
