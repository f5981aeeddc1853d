import type { DnsPolicy } from '../../cluster/records.ts';
import type { Tail } from './encoder.ts';
import type { Edns, Query } from './question.ts';
import { firstRecord, type Rotation } from './rotation.ts';
import { headerBits, headerSize, maxTcpSize, maxUdpSize, plainUdpSize, recordTypes } from './wire.ts';

/** How an answer is put together from the question and a ready-made tail; nothing is encoded here. */

export type Transport = 'udp' | 'tcp';

/**
 * An answer without its question: kept per view, name and type for as long as the view is valid. It is one flat object:
 * of ten thousand, none is in the processor's caches, and each object more that an answer leads to is waited for.
 */
export class ReadyAnswer implements Tail {
  readonly bytes: Buffer;
  readonly records: number;
  readonly answers: number;
  readonly authorities: number;
  readonly cut: boolean;
  readonly rotates: boolean;
  readonly ends: readonly number[];

  constructor(
    /** RCODE and AA. */
    readonly flags: number,
    tail: Tail,
    readonly policy: DnsPolicy = 'rotate',
    /** Only of what rotates. */
    readonly rotation?: Rotation,
  ) {
    this.bytes = tail.bytes;
    this.records = tail.records;
    this.answers = tail.answers;
    this.authorities = tail.authorities;
    this.cut = tail.cut;
    this.rotates = tail.rotates;
    this.ends = tail.ends;
  }
}

export interface ReplyOptions {
  readonly transport: Transport;
  /** The listener lets EDNS Client Subnet name the asker, and says so in the answer. */
  readonly echoSubnet: boolean;
}

const emptyTail: Tail = {
  bytes: Buffer.alloc(0),
  ends: [],
  records: 0,
  answers: 0,
  authorities: 0,
  cut: false,
  rotates: false,
};

/**
 * Header, question, whole records as far as they fit, OPT if the query had one. TC says that answers are missing.
 * `asker` is what tells clients apart.
 */
export function replyWith(query: Query, ready: ReadyAnswer, options: ReplyOptions, asker: string): Buffer {
  const opt = optSize(query.edns, options);
  const { kept, size, truncated } = comesAlone(query, ready)
    ? { kept: 1, size: ready.ends[0] ?? 0, truncated: false }
    : fitting(ready, sizeLimit(query.edns, options.transport) - query.end - opt);
  const reply = Buffer.allocUnsafe(query.end + size + opt);
  query.packet.copy(reply, headerSize, headerSize, query.end);
  writeHeader(reply, query.packet, ready.flags | (truncated ? headerBits.tc : 0), 1);
  const answers = Math.min(kept, ready.answers);
  const authorities = Math.min(kept - answers, ready.authorities);
  writeCounts(reply, answers, authorities, kept - answers - authorities + (opt > 0 ? 1 : 0));
  copyRecords(reply, query.end, ready, { answers, size, asker });
  if (opt > 0) writeOpt(reply, query.end + size, query.edns, options, 0);
  return reply;
}

/**
 * The getaddrinfo of glibc and of musl ask without EDNS and sort what they get (RFC 6724 rule 9), so that our
 * order counts only where it is the only one. Who asks with EDNS takes the order as it is, or wants them all.
 */
function comesAlone({ edns }: Query, { policy, rotates }: ReadyAnswer): boolean {
  return rotates && policy !== 'rotate' && edns === undefined;
}

function fitting(tail: Tail, room: number) {
  const whole = tail.bytes.length <= room;
  const kept = whole ? tail.records : countFitting(tail.ends, room);
  const size = whole ? tail.bytes.length : (tail.ends[kept - 1] ?? 0);
  return { kept, size, truncated: tail.cut || kept < tail.answers + tail.authorities };
}

/** An answer of an RCODE alone, with the question. */
export function replyWithCode(query: Query, rcode: number, options: ReplyOptions): Buffer {
  const opt = optSize(query.edns, options);
  const reply = Buffer.allocUnsafe(query.end + opt);
  query.packet.copy(reply, headerSize, headerSize, query.end);
  writeHeader(reply, query.packet, rcode & headerBits.rcode, 1);
  writeCounts(reply, 0, 0, opt > 0 ? 1 : 0);
  if (opt > 0) writeOpt(reply, query.end, query.edns, options, rcode >> 4);
  return reply;
}

/** For packets whose question cannot be told: a header that has their ID (docker-facts 7.3). */
export function replyToGarbage(packet: Buffer, rcode: number): Buffer {
  const reply = Buffer.alloc(headerSize);
  packet.copy(reply, 0, 0, Math.min(packet.length, 4));
  const flags = packet.length >= 4 ? packet.readUInt16BE(2) : 0;
  reply.writeUInt16BE(
    headerBits.qr | (flags & (headerBits.opcode | headerBits.rd)) | headerBits.ra | rcode,
    2,
  );
  return reply;
}

/** The answer is too long for the client's UDP: it is told to come back over TCP. */
export function replyTruncated(query: Query, flags: number, options: ReplyOptions): Buffer {
  return replyWith(query, new ReadyAnswer(flags | headerBits.tc, emptyTail), options, '');
}

/** The most octets that this client may be sent. */
export function sizeLimit(edns: Edns | undefined, transport: Transport): number {
  if (transport === 'tcp') return maxTcpSize;
  return edns ? Math.min(edns.udpSize, maxUdpSize) : plainUdpSize;
}

function countFitting(ends: readonly number[], room: number): number {
  let fitting = 0;
  while ((ends[fitting] ?? Number.POSITIVE_INFINITY) <= room) fitting++;
  return fitting;
}

/** RD and CD are the client's; RA always, since everything not ours is forwarded. */
function writeHeader(reply: Buffer, packet: Buffer, flags: number, questions: number): void {
  const asked = packet.readUInt16BE(2) & (headerBits.rd | headerBits.cd);
  reply.writeUInt16BE(packet.readUInt16BE(0), 0);
  reply.writeUInt16BE(headerBits.qr | headerBits.ra | asked | flags, 2);
  reply.writeUInt16BE(questions, 4);
}

function writeCounts(reply: Buffer, answers: number, authorities: number, additionals: number): void {
  reply.writeUInt16BE(answers, 6);
  reply.writeUInt16BE(authorities, 8);
  reply.writeUInt16BE(additionals, 10);
}

/** Rotated answers are two copies of the tail instead of one: the last part first. */
function copyRecords(
  reply: Buffer,
  at: number,
  ready: ReadyAnswer,
  { answers, size, asker }: { readonly answers: number; readonly size: number; readonly asker: string },
): void {
  const { bytes, rotation } = ready;
  if (!rotation) {
    bytes.copy(reply, at, 0, size);
    return;
  }
  const recordSize = ready.ends[0] ?? 0;
  const end = ready.answers * recordSize;
  const wanted = answers * recordSize;
  const from = firstRecord(ready.policy, ready, rotation, asker) * recordSize;
  const first = Math.min(end - from, wanted);
  bytes.copy(reply, at, from, from + first);
  bytes.copy(reply, at + first, 0, wanted - first);
  bytes.copy(reply, at + wanted, end, end + size - wanted);
}

const plainOptSize = 11;

function optSize(edns: Edns | undefined, { echoSubnet }: ReplyOptions): number {
  if (!edns) return 0;
  return edns.clientSubnet && echoSubnet ? plainOptSize + 8 + edns.clientSubnet.address.length : plainOptSize;
}

function writeOpt(
  reply: Buffer,
  at: number,
  edns: Edns | undefined,
  { echoSubnet }: ReplyOptions,
  extendedRcode: number,
): void {
  reply.writeUInt8(0, at);
  reply.writeUInt16BE(recordTypes.OPT, at + 1);
  reply.writeUInt16BE(maxUdpSize, at + 3);
  // Extended RCODE, version 0, and the client's DO bit (RFC 3225 section 3).
  reply.writeUInt32BE(((extendedRcode << 24) | (edns?.dnssecOk ? 0x8000 : 0)) >>> 0, at + 5);
  const subnet = echoSubnet ? edns?.clientSubnet : undefined;
  reply.writeUInt16BE(subnet ? 8 + subnet.address.length : 0, at + 9);
  if (subnet) writeSubnet(reply, at + plainOptSize, subnet);
}

/** RFC 7871 section 7.2.1: as asked, the scope saying for which addresses the answer holds: just this one. */
function writeSubnet(reply: Buffer, at: number, subnet: NonNullable<Edns['clientSubnet']>): void {
  reply.writeUInt16BE(8, at);
  reply.writeUInt16BE(4 + subnet.address.length, at + 2);
  reply.writeUInt16BE(subnet.family, at + 4);
  reply.writeUInt8(subnet.sourcePrefix, at + 6);
  reply.writeUInt8(namesOneAddress(subnet) ? subnet.sourcePrefix : 0, at + 7);
  subnet.address.copy(reply, at + 8);
}

/** A whole address names an asker; a shorter prefix does not. */
export function namesOneAddress({ family, sourcePrefix }: { family: number; sourcePrefix: number }): boolean {
  return (family === 1 && sourcePrefix === 32) || (family === 2 && sourcePrefix === 128);
}
