import { contains, familyOf, parseAddress, parseSubnet, withoutPrefix } from '../../lib/addresses.ts';
import type { Firewall, NetworkRules } from '../firewall.ts';
import type { Reachability, ReachTarget } from '../inspection.ts';
import type { BridgeSpec, DefaultRoutes, InterfaceSource, Plug } from '../links.ts';
import { hostSandbox } from '../sandboxes.ts';
import { farFromHost, tunnelRefusal } from '../tunnel-reasons.ts';

interface Tunnels {
  wayTo(bridge: string, address: string): { readonly device: string; readonly via: string } | undefined;
}

/** One sandbox of the model: its interfaces by the name inside. */
export interface SimulatedSandbox {
  readonly interfaces: Map<string, Plug>;
  defaultRoutes: DefaultRoutes;
}

/** Sandboxes are keyed by the first 12 digits of their id. */
export interface Model {
  readonly sandboxes: ReadonlyMap<string, SimulatedSandbox>;
  readonly bridges: ReadonlyMap<string, BridgeSpec>;
  readonly tunnels: Tunnels;
  readonly firewall: Firewall;
}

type Stacked = Extract<InterfaceSource, { kind: 'stacked' }>;

interface Hop {
  readonly plug: Plug;
  /** Absent: the target is on the link. */
  readonly nextHop?: string;
}

/** The verdict that linux/ would reach with a packet, in the order in which the kernel decides. */
export function computeReach(model: Model, from: string, to: ReachTarget): Reachability {
  const target: ReachTarget = { ...to, address: parseAddress(to.address) };
  if (from === hostSandbox) return fromHost(model, target.address);
  const sandbox = model.sandboxes.get(from);
  if (!sandbox) return no([], `sandbox ${from} does not exist: its container is not running`);
  if (holds(sandbox, target.address) || isLoopback(target.address)) return yes(['lo']);
  const hop = route(sandbox, target.address);
  if (!hop) return no([], `no route to ${target.address}`);
  const { source } = hop.plug;
  if (source.kind === 'existing') return no([hop.plug.name], `where ${hop.plug.name} leads is not known`);
  if (source.kind === 'stacked') return overParent(model, source, target, hop);
  const bridge = model.bridges.get(source.bridge);
  if (!bridge) return no([hop.plug.name], `bridge ${source.bridge} does not exist`);
  const path = [hop.plug.name, `${bridge.name} (bridge)`];
  if (!hop.nextHop) return onLink(model, bridge, target, path);
  if (!addressOf(bridge, hop.nextHop))
    return no(path, `gateway ${hop.nextHop} is not an address of the host`);
  return throughHost(model, bridge, target, path);
}

/** Containers on one parent are neighbours; what is behind the parent is not in this model, but for the gateway. */
function overParent(
  { sandboxes }: Model,
  { parent, type, mode, flag }: Stacked,
  { address }: ReachTarget,
  { plug, nextHop }: Hop,
): Reachability {
  const path = [plug.name, `${parent} (${type})`];
  const isLayer3 = mode.startsWith('l3');
  if (nextHop) return yes([...path, 'outside']);
  const on = ({ source }: Plug) => source.kind === 'stacked' && source.parent === parent;
  const holder = holderWhere(sandboxes, address, on);
  if (!holder) return isLayer3 ? yes([...path, 'outside']) : no(path, `nobody has ${address} on ${parent}`);
  const apart = [mode, flag].find((word) => word === 'private' || word === 'vepa');
  return apart ? no(path, `${type} keeps containers on ${parent} apart (${apart})`) : yes([...path, holder]);
}

function onLink(model: Model, bridge: BridgeSpec, to: ReachTarget, path: readonly string[]): Reachability {
  const rules = rulesOf(model, bridge.name);
  if (addressOf(bridge, to.address)) {
    const refusal = tunnelRefusal(model.firewall, to.port);
    return refusal === undefined ? intoHost(rules, to, path) : no([...path, 'host'], refusal);
  }
  const holder = holderOn(model, bridge.name, to.address);
  const away = holder === undefined ? model.tunnels.wayTo(bridge.name, to.address) : undefined;
  // What happens on the other host is not in this model: the peer is taken at its record's word.
  if (away) return yes([...path, `${away.device} (vxlan)`, `node ${away.via}`]);
  if (!holder) return no(path, `nobody has ${to.address} on ${bridge.name}`);
  if (rules && !rules.icc) return no(path, `containers of ${bridge.name} may not talk to each other (icc)`);
  return yes([...path, holder]);
}

/** What the input chain lets in: all of the own gateway, but only DNS and echo from an internal network. */
function intoHost(rules: NetworkRules | undefined, to: ReachTarget, path: readonly string[]): Reachability {
  const isolated = rules?.ways?.[familyOf(to.address)] === 'isolated';
  if (isolated && to.port?.port !== 53) {
    return no(path, 'the network is isolated: of the host only port 53 can be reached');
  }
  if (rules?.internal && to.port && to.port.port !== 53) {
    return no(path, 'the network is internal: of the host only port 53 can be reached');
  }
  return yes([...path, 'host']);
}

function throughHost(
  model: Model,
  bridge: BridgeSpec,
  to: ReachTarget,
  path: readonly string[],
): Reachability {
  const other = [...model.bridges.values()].find(({ addresses }) => addresses.some(subnetHas(to.address)));
  if (other && other.name !== bridge.name) return acrossBridges(model, bridge, other, to, path);
  const refusal = tunnelRefusal(model.firewall, to.port);
  if (refusal !== undefined) return no([...path, 'host'], refusal);
  if (rulesOf(model, bridge.name)?.internal) {
    return no([...path, 'host'], 'the network is internal: no way out');
  }
  return yes([...path, 'host', 'outside']);
}

/** Networks of a host are apart, but for what a routed one lets in. */
function acrossBridges(
  model: Model,
  from: BridgeSpec,
  other: BridgeSpec,
  to: ReachTarget,
  path: readonly string[],
): Reachability {
  const rules = rulesOf(model, other.name);
  const routed = rules?.ways?.[familyOf(to.address)] === 'routed' && !addressOf(other, to.address);
  const internal = rules?.internal || rulesOf(model, from.name)?.internal;
  if (!routed || internal)
    return no([...path, 'host'], `${to.address} is on another network (${other.name})`);
  const onward = [...path, 'host', `${other.name} (bridge)`];
  const holder = holderOn(model, other.name, to.address);
  if (!holder) return no(onward, `nobody has ${to.address} on ${other.name}`);
  if (!to.port || isDoor(model.firewall, to.address, to.port)) return yes([...onward, holder]);
  return no(onward, `${other.name} is routed: of ${to.address} only published ports can be reached`);
}

function isDoor({ doors = [] }: Firewall, address: string, port: NonNullable<ReachTarget['port']>): boolean {
  return doors.some(
    (door) => door.address === address && door.port === port.port && door.protocol === port.protocol,
  );
}

function fromHost(model: Model, address: string): Reachability {
  const bridge = [...model.bridges.values()].find(({ addresses }) => addresses.some(subnetHas(address)));
  if (isLoopback(address) || (bridge && addressOf(bridge, address))) return yes(['lo']);
  if (!bridge) return yes(['host', 'outside']);
  const path = [`${bridge.name} (bridge)`];
  if (rulesOf(model, bridge.name)?.ways?.[familyOf(address)] === 'isolated')
    return no(path, 'the network is isolated: the host does not reach its containers');
  const holder = holderOn(model, bridge.name, address);
  if (holder) return yes([...path, holder]);
  const away = model.tunnels.wayTo(bridge.name, address);
  if (away) return no(path, farFromHost(address, away.via));
  return no(path, `nobody has ${address} on ${bridge.name}`);
}

/** Connected subnets first, then static routes, then the default route; the longest prefix wins. */
function route(sandbox: SimulatedSandbox, address: string): Hop | undefined {
  const candidates = [...sandbox.interfaces.values()].flatMap((plug) => [
    ...plug.addresses.map((cidr) => ({ plug, subnet: parseSubnet(cidr), nextHop: undefined })),
    ...(plug.routes ?? []).map((r) => ({ plug, subnet: parseSubnet(r.destination), nextHop: r.nextHop })),
  ]);
  const [best] = candidates
    .filter(({ subnet }) => contains(subnet, address))
    .sort((a, b) => b.subnet.prefixLength - a.subnet.prefixLength);
  if (best) return best.nextHop ? { plug: best.plug, nextHop: best.nextHop } : { plug: best.plug };
  const gateway = address.includes(':') ? sandbox.defaultRoutes.ipv6 : sandbox.defaultRoutes.ipv4;
  if (!gateway) return undefined;
  const plug = [...sandbox.interfaces.values()].find(({ addresses }) => addresses.some(subnetHas(gateway)));
  return plug && { plug, nextHop: gateway };
}

/** `eth0 of 0123456789ab` for whoever has the address on the bridge. */
function holderOn({ sandboxes }: Model, bridge: string, address: string): string | undefined {
  return holderWhere(sandboxes, address, ({ source }) => source.kind === 'veth' && source.bridge === bridge);
}

function holderWhere(
  sandboxes: Model['sandboxes'],
  address: string,
  isThere: (plug: Plug) => boolean,
): string | undefined {
  for (const [id, { interfaces }] of sandboxes) {
    for (const plug of interfaces.values()) {
      if (isThere(plug) && plug.addresses.some(isAddress(address))) return `${plug.name} of ${id}`;
    }
  }
  return undefined;
}

function holds(sandbox: SimulatedSandbox, address: string): boolean {
  return [...sandbox.interfaces.values()].some((plug) => plug.addresses.some(isAddress(address)));
}

function addressOf(bridge: BridgeSpec, address: string): boolean {
  return bridge.addresses.some(isAddress(address));
}

function rulesOf(model: Model, bridge: string): NetworkRules | undefined {
  return model.firewall.networks.find((rules) => rules.bridge === bridge);
}

const isAddress = (address: string) => (cidr: string) => parseAddress(withoutPrefix(cidr)) === address;
const subnetHas = (address: string) => (cidr: string) => contains(parseSubnet(cidr), address);

function isLoopback(address: string): boolean {
  return address === '::1' || contains(parseSubnet('127.0.0.0/8'), address);
}

const yes = (path: readonly string[]): Reachability => ({ reachable: true, path });
const no = (path: readonly string[], reason: string): Reachability => ({ reachable: false, path, reason });
