import type { Association } from '../../dataplane/associations.ts';
import type { Survey, SurveyedSandbox } from '../../dataplane/inspection.ts';
import type { BridgeSpec, DefaultRoutes } from '../../dataplane/links.ts';
import type { ParentSpec } from '../../dataplane/parents.ts';
import type { TunnelEntries, VxlanSpec } from '../../dataplane/tunnels.ts';
import { isLinkLocal, parseAddress, withoutPrefix } from '../../lib/addresses.ts';
import type { Fact } from './facts.ts';

/**
 * Kernel objects as facts. What should be there and what is there are told by the same functions, so that they
 * differ in nothing but the objects.
 */
export function bridgeFact({ name, addresses, mtu, mac }: BridgeSpec, up = true): Fact {
  const parts = [`bridge ${addressText(addresses)}`, `mtu ${mtu}`, `mac ${mac?.toLowerCase()}`, state(up)];
  return { what: `device ${name}`, value: parts.join(', ') };
}

export function parentFact(spec: ParentSpec, up = true): Fact {
  const what = spec.kind === 'vlan' ? `802.1q ${spec.id} of ${spec.parent}` : 'parent that leads nowhere';
  return { what: `device ${spec.name}`, value: `${what}, ${state(up)}` };
}

export function vxlanFact(spec: VxlanSpec, up = true): Fact {
  const { name, bridge, vni, local, port, mtu, encrypted } = spec;
  const source = `id ${vni} from ${parseIfAny(local)} port ${port}${encrypted ? ' by IPsec only' : ''}`;
  return {
    what: `device ${name}`,
    value: [`vxlan ${source}`, `mtu ${mtu}`, `in ${bridge || 'no bridge'}`, state(up)].join(', '),
  };
}

export function tunnelFacts(device: string, { bridged, forwarding, neighbours }: TunnelEntries): Fact[] {
  return [
    ...bridged.map((mac) => ({ what: `bridge fdb entry ${mac} of ${device}`, value: 'static' })),
    ...forwarding.map(({ mac, via }) => ({
      what: `fdb entry ${mac} of ${device}`,
      value: via === '' ? 'expires' : `to ${via}`,
    })),
    ...neighbours.map(({ address, mac }) => ({
      what: `neighbour ${address} of ${device}`,
      value: mac === '' ? 'expires' : mac,
    })),
  ];
}

export function associationFact({ source, destination, spi }: Association): Fact {
  const ends = `from ${source} to ${destination}`;
  return { what: `IPsec association 0x${spi.toString(16)} ${ends}`, value: 'ESP in transport mode' };
}

export function hostEndFact(name: string, bridge: string | undefined, up = true): Fact {
  return { what: `device ${name}`, value: `port of ${bridge ?? 'no bridge'}, ${state(up)}` };
}

/** Whose container it is, is told by `owner`: its name, or its id. */
export function interfaceFact(
  owner: string,
  { name, addresses, mac, up }: SurveyedSandbox['interfaces'][number],
): Fact {
  const parts = [addressText(addresses), `mac ${mac?.toLowerCase()}`, state(up)];
  return { what: `interface ${name} of container ${owner}`, value: parts.join(', ') };
}

export function routeFacts(owner: string, { ipv4, ipv6 }: DefaultRoutes): Fact[] {
  return [
    ...(ipv4 ? [{ what: `IPv4 default route of container ${owner}`, value: `via ${ipv4}` }] : []),
    ...(ipv6
      ? [{ what: `IPv6 default route of container ${owner}`, value: `via ${parseAddress(ipv6)}` }]
      : []),
  ];
}

export function firewallFacts(lines: readonly string[]): Fact[] {
  return lines.map((line) => ({ what: `firewall: ${line}`, value: 'one rule' }));
}

/** All that a survey found. `nameOf` tells a sandbox's container. */
export function surveyFacts(survey: Survey, nameOf: (sandboxId: string) => string): Fact[] {
  return [
    ...survey.bridges.map((bridge) => bridgeFact(bridge, bridge.up)),
    ...survey.parents.map((parent) => parentFact(parent, parent.up)),
    ...survey.vxlans.map((vxlan) => vxlanFact(vxlan, vxlan.up)),
    ...survey.hostEnds.map(({ name, bridge, up }) => hostEndFact(name, bridge, up)),
    ...survey.sandboxes.flatMap(({ id, interfaces, routes }) => [
      ...interfaces.map((one) => interfaceFact(nameOf(id), one)),
      ...routeFacts(nameOf(id), routes),
    ]),
    ...firewallFacts(survey.firewall.surplus),
  ];
}

/** The kernel gives every interface link-local addresses of its own: they are no difference. */
function addressText(addresses: readonly string[]): string {
  const canonical = addresses
    .filter((cidr) => !isLinkLocal(withoutPrefix(cidr)))
    .map((cidr) => `${parseAddress(withoutPrefix(cidr))}${cidr.slice(cidr.indexOf('/'))}`);
  return canonical.length === 0 ? 'without address' : canonical.sort().join(' ');
}

function parseIfAny(address: string): string {
  return address === '' ? 'any address' : parseAddress(address);
}

function state(up: boolean): string {
  return up ? 'up' : 'down';
}
