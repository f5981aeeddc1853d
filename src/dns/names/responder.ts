import { keyOf, type Labels } from '../wire/labels.ts';
import type { NameTable } from './name-table.ts';
import { parseReverse, type ReverseRange, reverseZoneDepth } from './reverse.ts';
import { type PortOf, portOf } from './service-port.ts';
import type { View } from './view.ts';
import { containsRange, type Host, type Zone } from './zone.ts';

/** A name as it was asked for, folded. */
export interface Ask {
  readonly labels: Labels;
  readonly key: string;
}

/** What a name turned out to be. `authority` is the zone that says so: the owner of the SOA. */
export type Outcome =
  | {
      readonly kind: 'hosts';
      readonly zone: Zone;
      readonly hosts: readonly Host[];
      readonly authority: Labels;
    }
  | (PortOf & { readonly kind: 'port'; readonly zone: Zone; readonly authority: Labels })
  | { readonly kind: 'pointer'; readonly zone: Zone; readonly host: Host; readonly authority: Labels }
  /** A network's own name: it has the SOA. */
  | { readonly kind: 'apex'; readonly zone: Zone; readonly authority: Labels }
  /** The asker's own host, whoever asks (RFC 6761 section 6.3). */
  | { readonly kind: 'loopback'; readonly authority: Labels }
  /** Exists, but only for names below it. */
  | { readonly kind: 'empty'; readonly authority: Labels }
  | { readonly kind: 'no-name'; readonly authority: Labels }
  | { readonly kind: 'forward' };

export interface ResponderOptions {
  /** Unknown single-label names go upstream too. */
  readonly forwardSingleLabel: boolean;
}

/** Says what the name is, or nothing: then the next step is asked. */
type Step = (ask: Ask, view: View, table: NameTable, options: ResponderOptions) => Outcome | undefined;

/** Unqualified names have no zone of their own: their SOA is the root's, as if we served it (RFC 2308). */
const root: Labels = [];

/** The whole order of resolution (DESIGN §7). What none of them knows is forwarded. */
const steps: readonly Step[] = [
  // The asker's own name for another, which no one else sees: it may hide a name of the network's.
  linkedName,
  // A name or alias on a network that the asker is on; its first network wins.
  exactName,
  // NAME.NETWORK, which says from which network the answer is to come.
  qualifiedName,
  // *.x, with or without the network: after every exact name, so it never hides one.
  wildcardName,
  // What no server knows, and none is to be told of.
  specialUseName,
  // Addresses of the subnets that the asker is on.
  reverseName,
  // What is below a network of the asker's, or in a subnet of ours, is ours to deny; nothing upstream knows better.
  // A network that the asker is not on may be called `com`: it takes no domain from anybody else.
  unknownOwnName,
  // A single label is the name of a container that is not there (yet), not of something on the Internet.
  unknownSingleLabel,
];

/** Pure: depends on the view and the table only, waits for nothing. */
export function resolve(ask: Ask, view: View, table: NameTable, options: ResponderOptions): Outcome {
  for (const step of steps) {
    const outcome = step(ask, view, table, options);
    if (outcome) return outcome;
  }
  return { kind: 'forward' };
}

function linkedName(ask: Ask, view: View, table: NameTable): Outcome | undefined {
  if (view.linkedAs === undefined) return undefined;
  return (
    first(view.zones, (zone) => findLinked(zone, view, ask.key, root)) ??
    first(suffixZones(ask, view, table), ({ zone, relative }) =>
      findLinked(zone, view, keyOf(relative), zone.labels),
    )
  );
}

/** Undefined while what it leads to is not there, as if there were no link. */
function findLinked(zone: Zone, { linkedAs = '' }: View, key: string, authority: Labels) {
  const link = zone.links.get(linkedAs)?.find(({ alias }) => alias === key);
  const hosts = link && zone.names.get(link.target);
  return hosts && ({ kind: 'hosts', zone, hosts, authority } as const);
}

function exactName(ask: Ask, view: View): Outcome | undefined {
  if (view.kind === 'host') return undefined;
  return first(view.zones, (zone) => findExact(zone, ask.labels, ask.key, root));
}

function qualifiedName(ask: Ask, view: View, table: NameTable): Outcome | undefined {
  return first(suffixZones(ask, view, table), ({ zone, relative }) =>
    relative.length === 0
      ? ({ kind: 'apex', zone, authority: zone.labels } as const)
      : findExact(zone, relative, keyOf(relative), zone.labels),
  );
}

function wildcardName(ask: Ask, view: View, table: NameTable): Outcome | undefined {
  const unqualified = view.kind === 'host' ? [] : view.zones;
  return (
    first(unqualified, (zone) => findWildcard(zone, ask.labels, root)) ??
    first(suffixZones(ask, view, table), ({ zone, relative }) => findWildcard(zone, relative, zone.labels))
  );
}

/** RFC 6761 sections 6.3 and 6.4, RFC 7686 section 2. */
function specialUseName({ labels }: Ask): Outcome | undefined {
  const authority = labels.slice(-1);
  const [top] = authority;
  if (top === 'localhost') return { kind: 'loopback', authority };
  return top === 'invalid' || top === 'onion' ? { kind: 'no-name', authority } : undefined;
}

function reverseName(ask: Ask, view: View): Outcome | undefined {
  const range = parseReverse(ask.labels);
  return range && first(view.zones, (zone) => findReverse(zone, range, ask.labels));
}

function unknownOwnName(ask: Ask, view: View, table: NameTable): Outcome | undefined {
  const range = parseReverse(ask.labels);
  if (range) return first(table.zones(), (zone) => denyReverse(zone, range, ask.labels));
  const below = [...suffixZones(ask, view, table)].filter(({ relative }) => relative.length > 0);
  const authority = below[0]?.zone.labels;
  if (!authority) return undefined;
  // Nodes may have made local networks of the same name.
  const alike = below.filter(({ zone }) => zone.labels.length === authority.length);
  const hasBelow = alike.some(({ zone, relative }) => zone.ancestors.has(keyOf(relative)));
  return { kind: hasBelow ? 'empty' : 'no-name', authority };
}

function unknownSingleLabel(
  ask: Ask,
  view: View,
  _table: NameTable,
  options: ResponderOptions,
): Outcome | undefined {
  // `_81._tcp.web` is as little for the Internet as `web`.
  const isService = ask.labels.length === 3 && ask.labels.slice(0, 2).every((label) => label.startsWith('_'));
  if (ask.labels.length !== 1 && !isService) return undefined;
  const hasBelow = view.kind === 'container' && view.zones.some((zone) => zone.ancestors.has(ask.key));
  if (hasBelow) return { kind: 'empty', authority: root };
  return options.forwardSingleLabel ? undefined : { kind: 'no-name', authority: root };
}

function findExact(zone: Zone, labels: Labels, key: string, authority: Labels): Outcome | undefined {
  const hosts = zone.names.get(key);
  if (hosts) return { kind: 'hosts', zone, hosts, authority };
  return findPort(zone, labels, authority, (name) => zone.names.get(name));
}

function findWildcard(zone: Zone, labels: Labels, authority: Labels): Outcome | undefined {
  if (zone.wildcards.size === 0) return undefined;
  // Ports first: `*.x` would match `_80._tcp.a.x` as well, and have no SRV for it.
  const port = findPort(zone, labels, authority, (_key, rest) => wildcardHosts(zone, rest));
  if (port) return port;
  const hosts = wildcardHosts(zone, labels);
  return hosts && { kind: 'hosts', zone, hosts, authority };
}

/** RFC 4592 section 3.3.1: only the closest name that exists may have the wildcard. */
function wildcardHosts(zone: Zone, labels: Labels): readonly Host[] | undefined {
  for (let index = 1; index < labels.length; index++) {
    const encloser = keyOf(labels.slice(index));
    const hosts = zone.wildcards.get(encloser);
    if (hosts) return zone.ancestors.has(keyOf(labels)) ? undefined : hosts;
    if (zone.names.has(encloser) || zone.ancestors.has(encloser)) return undefined;
  }
  return undefined;
}

type HostsOf = (key: string, labels: Labels) => readonly Host[] | undefined;

/** `_80._tcp.NAME` exists where NAME does and has that port; `_tcp.NAME` is above it. */
function findPort(zone: Zone, labels: Labels, authority: Labels, hostsOf: HostsOf): Outcome | undefined {
  const found = portOf(labels, (rest) => hostsOf(keyOf(rest), rest));
  if (!found) return undefined;
  return found === 'empty' ? { kind: 'empty', authority } : { kind: 'port', zone, authority, ...found };
}

function findReverse(zone: Zone, range: ReverseRange, labels: Labels): Outcome | undefined {
  const host = range.address === undefined ? undefined : zone.byAddress.get(range.address);
  const denial = denyReverse(zone, range, labels);
  if (!host?.endpoint.healthy || !denial) return denial;
  return { kind: 'pointer', zone, host, authority: denial.authority };
}

/** The gateway is denied too: it has no name. */
function denyReverse(zone: Zone, range: ReverseRange, labels: Labels) {
  const subnet = zone.subnets.find((candidate) => containsRange(candidate, range));
  if (!subnet) return undefined;
  const authority = labels.slice(-reverseZoneDepth(subnet.family, subnet.prefixLength));
  const isOneAddress = range.beyond || range.address !== undefined;
  return { kind: isOneAddress ? 'no-name' : 'empty', authority } as const;
}

/** Every way to read the end of the name as a network that the asker sees; the longest network name first. */
function* suffixZones({ labels }: Ask, view: View, table: NameTable) {
  for (const { key, relative } of suffixes(labels)) {
    for (const zone of table.zonesNamed(key)) {
      if (view.zones.includes(zone)) yield { zone, relative };
    }
  }
}

function* suffixes(labels: Labels) {
  for (let index = 0; index < labels.length; index++) {
    const suffix = labels.slice(index);
    yield { key: keyOf(suffix), relative: labels.slice(0, index) };
  }
}

function first<T, R>(items: Iterable<T>, find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
