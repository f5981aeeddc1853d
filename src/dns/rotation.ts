import type { DnsPolicy } from '../cluster/records.ts';
import type { Tail } from './encoder.ts';

/** Where the rotation of one name stands. */
export interface Turn {
  /** Where the next new asker begins. */
  next: number;
  /** Asker → its last turn: each goes through all addresses, whatever the others ask meanwhile. */
  readonly askers: Map<string, number>;
}

/** Names of one type of record; at this many all rotations begin anew. */
const maxTurns = 4096;
/** Of one name; at this many they begin anew, one after the other. */
const maxAskers = 256;

/**
 * Rotations outlive the answers, which every change on a network drops: whoever asks once, right after such a
 * change (a one-off container is one), would otherwise always meet the oldest.
 */
export class Turns {
  readonly #turns = new Map<string, Turn>();

  of(key: string): Turn {
    const known = this.#turns.get(key);
    if (known) return known;
    if (this.#turns.size >= maxTurns) this.#turns.clear();
    const turn = { next: 0, askers: new Map<string, number>() };
    this.#turns.set(key, turn);
    return turn;
  }
}

/** Which of equally long records comes first. Only a rotation moves on by it. */
export function firstRecord(policy: DnsPolicy, tail: Tail, turn: Turn, asker: string): number {
  if (policy === 'ordered') return 0;
  if (policy === 'sticky') return closestTo(asker, tail);
  return takeTurn(turn, asker) % tail.answers;
}

function takeTurn(turn: Turn, asker: string): number {
  const last = turn.askers.get(asker);
  const at = last === undefined ? turn.next++ : last + 1;
  if (last === undefined && turn.askers.size >= maxAskers) turn.askers.clear();
  turn.askers.set(asker, at);
  return at;
}

/**
 * Rendezvous hashing: each asker has an order of all addresses of its own, so one that comes or goes moves
 * nobody else (Thaler and Ravishankar 1998).
 */
function closestTo(asker: string, { bytes, ends, answers }: Tail): number {
  const size = ends[0] ?? 0;
  let best = { index: 0, weight: -1 };
  for (let index = 0; index < answers; index++) {
    const weight = weigh(asker, bytes.subarray(index * size, (index + 1) * size));
    if (weight > best.weight) best = { index, weight };
  }
  return best.index;
}

/** FNV-1a of both, with the last step of MurmurHash3, since FNV alone spreads the last octet too little. */
function weigh(asker: string, record: Buffer): number {
  let hash = 0x811c9dc5;
  for (const octet of [...Buffer.from(asker), ...record]) hash = Math.imul(hash ^ octet, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
