import { createHash } from 'node:crypto';

/**
 * The records of a state file. Each is 16 bytes of head, JSON without a NUL, and NULs up to a multiple of 8:
 *   magic (4 bytes), length of the JSON (4, little-endian), first 8 bytes of SHA-256 over length and JSON
 * Records are only ever written into zeros that the file has already, so a file that a crash cut off in the middle
 * of a record still ends in zeros. One that does not was cut short by something else.
 */
const magic = Buffer.from('FLr1');
const headSize = 16;
const alignment = 8;
/** What the disk writes whole or not at all. A crash leaves the others of a record as they were: zeros. */
const sectorSize = 512;
/** Zeros that follow the last record at least: the head of one that is not there. */
export const endSize = headSize;

export function encodeRecord(json: string): Buffer {
  const body = Buffer.from(json);
  const size = Math.ceil((headSize + body.length) / alignment) * alignment;
  const record = Buffer.alloc(size);
  magic.copy(record);
  record.writeUInt32LE(body.length, 4);
  checksumOf(record.subarray(4, 8), body).copy(record, 8);
  body.copy(record, headSize);
  return record;
}

/** The JSON of the record at this place and where the next one is; undefined when none is there whole. */
export function recordAt(
  bytes: Buffer,
  at: number,
): { readonly json: string; readonly next: number } | undefined {
  if (at + headSize > bytes.length || !magic.equals(bytes.subarray(at, at + 4))) return undefined;
  const length = bytes.readUInt32LE(at + 4);
  const end = at + headSize + length;
  if (end > bytes.length) return undefined;
  const body = bytes.subarray(at + headSize, end);
  if (!checksumOf(bytes.subarray(at + 4, at + 8), body).equals(bytes.subarray(at + 8, at + headSize)))
    return undefined;
  return { json: body.toString(), next: Math.ceil(end / alignment) * alignment };
}

export type Tail =
  /** Nothing but zeros, as it should be. */
  | { readonly kind: 'clean' }
  /** What a crash leaves of the record that was being written. */
  | { readonly kind: 'torn' }
  | { readonly kind: 'damaged'; readonly reason: string };

/** What lies behind the last whole record. */
export function tailAt(bytes: Buffer, at: number): Tail {
  const last = lastWritten(bytes, at);
  if (last === undefined) {
    return bytes.length - at >= endSize ? { kind: 'clean' } : damaged('the file is cut short');
  }
  if (hasRecordAfter(bytes, at)) return damaged(`the record at byte ${at} is not what was written`);
  const end = plannedEnd(bytes, at) ?? last + 1;
  if (end > bytes.length) return damaged('the file is cut short');
  const isTorn = last < end && hasUnwrittenSector(bytes, at, end);
  return isTorn ? { kind: 'torn' } : damaged(`the last record, at byte ${at}, is not what was written`);
}

function damaged(reason: string): Tail {
  return { kind: 'damaged', reason };
}

/** Place of the last byte that is not zero. */
function lastWritten(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.length - 1; at >= from; at -= 1) if (bytes[at] !== 0) return at;
  return undefined;
}

function hasRecordAfter(bytes: Buffer, from: number): boolean {
  for (let at = bytes.indexOf(magic, from + 1); at >= 0; at = bytes.indexOf(magic, at + 1))
    if (recordAt(bytes, at)) return true;
  return false;
}

/** Where a record ends of which the head is there. */
function plannedEnd(bytes: Buffer, at: number): number | undefined {
  if (!magic.equals(bytes.subarray(at, at + 4))) return undefined;
  return Math.ceil((at + headSize + bytes.readUInt32LE(at + 4)) / alignment) * alignment;
}

function hasUnwrittenSector(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; ) {
    const next = Math.min((Math.floor(at / sectorSize) + 1) * sectorSize, end);
    if (bytes.subarray(at, next).every((byte) => byte === 0)) return true;
    at = next;
  }
  return false;
}

function checksumOf(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, 8);
}
