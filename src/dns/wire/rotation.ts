import type { DnsPolicy } from '../../cluster/records.ts';
import type { Tail } from './encoder.ts';

/** Where the rotation of one name stands. */
export interface Rotation {
  /** Where the next new asker begins. */
  next: number;
  /** Asker → the position of its last answer: each goes through all addresses, whatever the others ask meanwhile. */
  readonly askers: Map<string, number>;
}

/** Names of one type of record; at this many all rotations start over. */
const maxRotations = 4096;
/** Of one name; at this many they start over, one after the other. */
const maxAskers = 256;

/**
 * Rotations outlive the answers, which every change on a network drops: whoever asks once, right after such a
 * change (a one-off container is one), would otherwise always meet the oldest.
 */
export class Rotations {
  readonly #rotations = new Map<string, Rotation>();

  of(key: string): Rotation {
    const known = this.#rotations.get(key);
    if (known) return known;
    if (this.#rotations.size >= maxRotations) this.#rotations.clear();
    const rotation = { next: 0, askers: new Map<string, number>() };
    this.#rotations.set(key, rotation);
    return rotation;
  }
}

/** Which of equally long records comes first. Only a rotation moves on by it. */
export function firstRecord(policy: DnsPolicy, tail: Tail, rotation: Rotation, asker: string): number {
  if (policy === 'ordered') return 0;
  if (policy === 'sticky') return closestTo(asker, tail);
  return nextFor(rotation, asker) % tail.answers;
}

function nextFor(rotation: Rotation, asker: string): number {
  const last = rotation.askers.get(asker);
  const at = last === undefined ? rotation.next++ : last + 1;
  if (last === undefined && rotation.askers.size >= maxAskers) rotation.askers.clear();
  rotation.askers.set(asker, at);
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
