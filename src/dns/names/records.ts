import { Address6 } from 'ip-address';
import { shortId } from '../../lib/ids.ts';
import type { ResourceRecord, Sections } from '../wire/encoder.ts';
import { fits, type Labels, labelsOf } from '../wire/labels.ts';
import { rcodes, recordTypes } from '../wire/wire.ts';
import type { Ask, Outcome } from './responder.ts';
import type { Host, Zone } from './zone.ts';

/** What to say of a name: everything but a forwarded one's. */
export type OwnOutcome = Exclude<Outcome, { kind: 'forward' }>;

export interface OwnAnswer {
  readonly rcode: number;
  readonly sections: Sections;
}

/** The records of the asked type; where there are none, the SOA (RFC 2308 section 2). `ttl` in seconds. */
export function recordsFor(
  ask: Ask,
  type: number,
  outcome: OwnOutcome,
  ttl: number,
  serial: number,
): OwnAnswer {
  const rrsets = rrsetsOf(ask.labels, outcome, ttl, serial);
  // ANY gets one RRset of those that there are (RFC 8482 section 4.1).
  const isAsked = (found: number) => type === found || type === recordTypes.ANY;
  const answers = rrsets.find(([record]) => record && isAsked(recordTypes[record.type])) ?? [];
  const soa: ResourceRecord = { type: 'SOA', owner: outcome.authority, ttl, serial, minimum: ttl };
  return {
    rcode: outcome.kind === 'no-name' ? rcodes.NXDOMAIN : rcodes.NOERROR,
    sections: {
      answers,
      authorities: answers.length > 0 ? [] : [soa],
      additionals: answers.some((record) => record.type === 'SRV') ? targetAddresses(outcome, ttl) : [],
    },
  };
}

function rrsetsOf(
  owner: Labels,
  outcome: OwnOutcome,
  ttl: number,
  serial: number,
): readonly (readonly ResourceRecord[])[] {
  switch (outcome.kind) {
    case 'hosts':
      return [addresses('A', owner, outcome.hosts, ttl), addresses('AAAA', owner, outcome.hosts, ttl)];
    case 'port':
      return [
        targetsOf(outcome).map(({ target }) => ({ type: 'SRV', owner, ttl, port: outcome.port, target })),
      ];
    case 'pointer':
      return [pointers(owner, outcome.zone, outcome.host, ttl)];
    case 'loopback':
      return [
        [{ type: 'A', owner, ttl, address: loopback }],
        [{ type: 'AAAA', owner, ttl, address: loopback6 }],
      ];
    case 'apex':
      return [[{ type: 'SOA', owner, ttl, serial, minimum: ttl }]];
    case 'empty':
    case 'no-name':
      return [];
  }
}

const loopback = Buffer.from([127, 0, 0, 1]);
const loopback6 = Buffer.concat([Buffer.alloc(15), Buffer.from([1])]);

function addresses(type: 'A' | 'AAAA', owner: Labels, hosts: readonly Host[], ttl: number): ResourceRecord[] {
  const texts = new Set(hosts.flatMap((host) => (type === 'A' ? host.ipv4 : host.ipv6) ?? []));
  return [...texts].map((text) => ({ type, owner, ttl, address: octetsOf(text) }));
}

function octetsOf(address: string): Buffer {
  const isIpv6 = address.includes(':');
  return Buffer.from(isIpv6 ? new Address6(address).toUnsignedByteArray() : address.split('.').map(Number));
}

/** Forward-confirmed: NAME.NETWORK is in the zone with this address, or the host would not be in it. */
function pointers(owner: Labels, zone: Zone, host: Host, ttl: number): ResourceRecord[] {
  const name = labelsOf(host.endpoint.name);
  return name ? [{ type: 'PTR', owner, ttl, target: nameOn(zone, name, host) }] : [];
}

/**
 * NAME.NETWORK; where DNS cannot have so long a name (RFC 1035 section 2.3.4), the container's short id in NAME's place,
 * then alone, which resolves on the asker's own networks.
 */
function nameOn({ labels }: Zone, name: Labels, { endpoint }: Host): Labels {
  const id = shortId(endpoint.containerId);
  return (
    [
      [...name, ...labels],
      [id, ...labels],
    ].find(fits) ?? [id]
  );
}

/**
 * One target per provider, so that RFC 2782 clients choose among them: NAME.NETWORK where it has one
 * provider, else each container's short id, which is a name of its own.
 */
function targetsOf({ zone, hosts, name, alone }: Extract<OwnOutcome, { kind: 'port' }>) {
  const [only] = hosts;
  if (alone && only) return [{ target: nameOn(zone, name, only), hosts }];
  const ids = new Map(hosts.map(({ endpoint }) => [shortId(endpoint.containerId), endpoint.containerId]));
  return [...ids].map(([id, containerId]) => {
    const own = hosts.filter(({ endpoint }) => endpoint.containerId === containerId);
    return { target: [[id, ...zone.labels]].find(fits) ?? [id], hosts: own };
  });
}

function targetAddresses(outcome: OwnOutcome, ttl: number): readonly ResourceRecord[] {
  if (outcome.kind !== 'port') return [];
  return targetsOf(outcome).flatMap(({ target, hosts }) => [
    ...addresses('A', target, hosts, ttl),
    ...addresses('AAAA', target, hosts, ttl),
  ]);
}
