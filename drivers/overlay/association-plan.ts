import type { Association, KeyedAssociation } from '../../src/dataplane/associations.ts';
import { associationFrom, nameOf } from './association.ts';

export interface OwnEnd {
  /** Of the node. */
  readonly id: string;
  /** On the underlay. */
  readonly address: string;
  readonly secret: string;
  /** The others have had the time to learn the secret, and to take in what is sent under it. */
  readonly settled: boolean;
  /** They should have, if nothing holds them up. */
  readonly told: boolean;
  /** Names of associations that were made of the secret: never again. */
  readonly spent: ReadonlySet<string>;
}

export interface PeerEnd {
  readonly id: string;
  readonly address: string;
  /** Absent: it has told none yet. */
  readonly secret?: string;
  /** It has another secret than when the association to it was made: that one it may have lost. */
  readonly renewed: boolean;
}

export interface AssociationPlan {
  readonly add: readonly KeyedAssociation[];
  readonly keep: readonly Association[];
  /** To a peer that is sent to under another key from now on. */
  readonly retire: readonly Association[];
  /** There for no reason that is known: of an earlier life, of secrets that were replaced, of nodes that have left. */
  readonly strays: readonly Association[];
  /** Wanted, absent, and not to be made again of the same secrets: this node needs a new one. */
  readonly lost: readonly Association[];
  /** Ids of peers that are sent to under an older key for the time being. */
  readonly waiting: readonly string[];
}

/**
 * What a node must hold to talk to these peers: one association from and one to each, of both their secrets. What
 * it takes in is there before it tells its secret (encryption.ts), so to a peer with a new secret it sends
 * under that at once. With a new secret of its own it waits until the others have learned it, as long
 * as there is something to send under; a node with nothing has nothing to lose. For a peer with a new secret,
 * which may have lost everything else, it does not wait for long. Pure.
 */
export function planAssociations(
  self: OwnEnd,
  peers: readonly PeerEnd[],
  present: readonly Association[],
): AssociationPlan {
  const there = new Set(present.map(nameOf));
  const parts = peers.flatMap((peer) => [
    inbound(self, peer, there),
    outbound(
      self,
      peer,
      present.filter(({ destination }) => destination === peer.address),
    ),
  ]);
  const keep = parts.flatMap((part) => part.keep ?? []);
  const retire = parts.flatMap((part) => part.retire ?? []);
  const spoken = new Set([...keep, ...retire].map(nameOf));
  return {
    add: parts.flatMap((part) => part.add ?? []),
    keep,
    retire,
    strays: present.filter((one) => !spoken.has(nameOf(one))),
    lost: parts.flatMap((part) => part.lost ?? []),
    waiting: parts.flatMap((part) => part.waiting ?? []),
  };
}

type Part = Partial<Omit<AssociationPlan, 'strays'>>;

function inbound(self: OwnEnd, { secret, ...peer }: PeerEnd, there: ReadonlySet<string>): Part {
  if (secret === undefined) return {};
  const wanted = associationFrom({ ...peer, secret }, self);
  return there.has(nameOf(wanted)) ? { keep: [wanted] } : made(self, wanted);
}

/** `present`: what leads to the peer already. */
function outbound(self: OwnEnd, { secret, ...peer }: PeerEnd, present: readonly Association[]): Part {
  if (secret === undefined) return { keep: present };
  const wanted = associationFrom(self, { ...peer, secret });
  const name = nameOf(wanted);
  const others = present.filter((one) => nameOf(one) !== name);
  if (others.length < present.length) return { keep: [wanted], retire: others };
  const waits = present.length > 0 && !self.settled && !(peer.renewed && self.told);
  return waits ? { keep: present, waiting: [peer.id] } : { ...made(self, wanted), retire: others };
}

function made({ spent }: OwnEnd, wanted: KeyedAssociation): Part {
  return spent.has(nameOf(wanted)) ? { lost: [wanted] } : { add: [wanted] };
}
