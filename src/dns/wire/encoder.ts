import { keyOf, type Labels } from './labels.ts';
import { classIn, headerSize, maxTcpSize, recordTypes } from './wire.ts';

/** The records that this responder gives of its own. Numbers are as on the wire; `ttl` is in seconds. */
export type ResourceRecord = { readonly owner: Labels; readonly ttl: number } & RecordData;

export type RecordData =
  | { readonly type: 'A' | 'AAAA'; readonly address: Buffer }
  | { readonly type: 'PTR'; readonly target: Labels }
  | { readonly type: 'SRV'; readonly port: number; readonly target: Labels }
  | { readonly type: 'SOA'; readonly serial: number; readonly minimum: number };

export interface Sections {
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
}

/** Everything of an answer that follows the question, ready to be copied behind it. */
export interface Tail {
  readonly bytes: Buffer;
  /** Where each record ends in `bytes`. */
  readonly ends: readonly number[];
  readonly records: number;
  /** So many of the records, first these and then those; the others are additional. */
  readonly answers: number;
  readonly authorities: number;
  /** There were more answers than any message can hold. */
  readonly cut: boolean;
  /** The answers are addresses, all equally long: they may be sent in any order. */
  readonly rotates: boolean;
}

/** Who the SOA names as primary server and responsible mailbox. */
const primary: Labels = ['fairlead'];
const mailbox: Labels = ['hostmaster', 'fairlead'];
const soaTimers = { refresh: 3600, retry: 600, expire: 86400 };

/** Encoding is synchronous, so one buffer serves all; the tail is copied out. */
const scratch = Buffer.allocUnsafe(maxTcpSize);
/** No record of ours is longer: two names of 255 and the fixed parts. */
const largestRecord = 600;
/** Compression pointers have 14 bits (RFC 1035 section 4.1.4). */
const maxPointer = 0x3fff;

/**
 * Encodes what follows the question. Owners that end like the question point into it, so they show the
 * letter case in which it was asked. Records that a message has no room for are left out.
 */
export function encodeTail(question: Labels, sections: Sections): Tail {
  const writer = new TailWriter(question);
  const answers = writer.addAll(sections.answers);
  const authorities = writer.addAll(sections.authorities);
  const records = answers + authorities + writer.addAll(sections.additionals);
  const rotates = answers > 1 && sections.answers.every(({ type }) => type === 'A' || type === 'AAAA');
  const cut = answers < sections.answers.length;
  return { bytes: writer.bytes(), ends: writer.ends, records, answers, authorities, cut, rotates };
}

class TailWriter {
  readonly ends: number[] = [];
  /** Folded name → offset in the message. */
  readonly #names = new Map<string, number>();
  /** Offset in the message of the tail's first octet. */
  readonly #start: number;
  #at = 0;

  constructor(question: Labels) {
    let offset = headerSize;
    question.forEach((label, index) => {
      this.#names.set(keyOf(question.slice(index)), offset);
      offset += label.length + 1;
    });
    this.#start = offset + 5;
  }

  bytes(): Buffer {
    return Buffer.from(scratch.subarray(0, this.#at));
  }

  addAll(records: readonly ResourceRecord[]): number {
    let added = 0;
    for (const record of records) {
      if (this.#start + this.#at + largestRecord > maxTcpSize) break;
      this.#add(record);
      added++;
    }
    return added;
  }

  #add(record: ResourceRecord): void {
    this.#name(record.owner);
    this.#uint16(recordTypes[record.type]);
    this.#uint16(classIn);
    this.#uint32(record.ttl);
    const sizeAt = this.#at;
    this.#at += 2;
    this.#data(record);
    scratch.writeUInt16BE(this.#at - sizeAt - 2, sizeAt);
    this.ends.push(this.#at);
  }

  #data(record: ResourceRecord): void {
    switch (record.type) {
      case 'A':
      case 'AAAA':
        this.#at += record.address.copy(scratch, this.#at);
        break;
      case 'PTR':
        this.#name(record.target);
        break;
      case 'SRV':
        // Priority and weight 0; the target must not be compressed (RFC 2782), but may be pointed to.
        this.#uint32(0);
        this.#uint16(record.port);
        this.#name(record.target, false);
        break;
      case 'SOA':
        this.#name(primary);
        this.#name(mailbox);
        this.#uint32(record.serial);
        this.#uint32(soaTimers.refresh);
        this.#uint32(soaTimers.retry);
        this.#uint32(soaTimers.expire);
        this.#uint32(record.minimum);
    }
  }

  #name(labels: Labels, compress = true): void {
    for (let index = 0; index < labels.length; index++) {
      const key = keyOf(labels.slice(index));
      const known = this.#names.get(key);
      if (known !== undefined && compress) {
        this.#uint16(0xc000 | known);
        return;
      }
      const offset = this.#start + this.#at;
      if (known === undefined && offset <= maxPointer) this.#names.set(key, offset);
      const label = labels[index] ?? '';
      scratch.writeUInt8(label.length, this.#at);
      this.#at += 1 + scratch.write(label, this.#at + 1, 'latin1');
    }
    scratch.writeUInt8(0, this.#at++);
  }

  #uint16(value: number): void {
    this.#at = scratch.writeUInt16BE(value, this.#at);
  }

  #uint32(value: number): void {
    this.#at = scratch.writeUInt32BE(value >>> 0, this.#at);
  }
}
