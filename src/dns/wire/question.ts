import {
  headerBits,
  headerSize,
  maxLabelSize,
  maxWireName,
  plainUdpSize,
  rcodes,
  recordTypes,
} from './wire.ts';

/** A well-formed query with one question. */
export interface Query {
  readonly packet: Buffer;
  readonly type: number;
  readonly class: number;
  /** Where the question ends in the packet. */
  readonly end: number;
  /** Name (folded), type and class in wire form, as latin1 text: what ready answers are kept under. */
  readonly key: string;
  readonly edns: Edns | undefined;
}

/** What the query's OPT record says (RFC 6891). */
export interface Edns {
  /** What the client takes over UDP, at least 512. */
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  readonly clientSubnet: ClientSubnet | undefined;
}

/** RFC 7871. */
export interface ClientSubnet {
  /** 1: IPv4, 2: IPv6. */
  readonly family: number;
  readonly sourcePrefix: number;
  /** The address's octets, as many as the prefix needs. */
  readonly address: Buffer;
}

/** Not to be answered at all: a response (which could loop), or too short to have an ID. */
export const drop = 'drop';

/**
 * The query in a packet, or the RCODE to refuse it with. Never throws. What follows the last record is
 * ignored; everything else that does not parse is FORMERR (docker-facts 7.3).
 */
export function parseQuery(packet: Buffer): Query | number | typeof drop {
  if (packet.length < headerSize) return tooShort(packet);
  const flags = packet.readUInt16BE(2);
  if (flags & headerBits.qr) return drop;
  if (flags & headerBits.opcode) return rcodes.NOTIMP;
  if (packet.readUInt16BE(4) !== 1) return rcodes.FORMERR;
  const nameEnd = endOfQuestionName(packet);
  if (nameEnd < 0 || nameEnd + 4 > packet.length) return rcodes.FORMERR;
  const end = nameEnd + 4;
  const records = packet.readUInt16BE(6) + packet.readUInt16BE(8);
  const additionals = packet.readUInt16BE(10);
  const edns = records + additionals > 0 ? parseEdns(packet, end, records, additionals) : undefined;
  if (edns === malformed) return rcodes.FORMERR;
  return {
    packet,
    type: packet.readUInt16BE(nameEnd),
    class: packet.readUInt16BE(nameEnd + 2),
    end,
    key: keyOfQuestion(packet, nameEnd),
    edns,
  };
}

function tooShort(packet: Buffer): number | typeof drop {
  const isResponse = packet.length > 2 && (packet.readUInt8(2) & 0x80) !== 0;
  return packet.length < 2 || isResponse ? drop : rcodes.FORMERR;
}

/** Pointers are refused: before the only question there is nothing they could point to. */
function endOfQuestionName(packet: Buffer): number {
  let at = headerSize;
  for (;;) {
    const size = packet[at];
    if (size === undefined || size > maxLabelSize) return -1;
    at += size + 1;
    if (at - headerSize > maxWireName) return -1;
    if (size === 0) return at;
  }
}

/** Sizes of labels are below `A`, so folding every octet of the name leaves them alone. */
function keyOfQuestion(packet: Buffer, nameEnd: number): string {
  for (let at = headerSize; at < nameEnd; at++) {
    const octet = packet[at];
    if (octet !== undefined && octet >= 0x41 && octet <= 0x5a) return foldedKey(packet, nameEnd);
  }
  return packet.toString('latin1', headerSize, nameEnd + 4);
}

function foldedKey(packet: Buffer, nameEnd: number): string {
  const name = packet.toString('latin1', headerSize, nameEnd);
  const folded = name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return folded + packet.toString('latin1', nameEnd, nameEnd + 4);
}

const malformed = 'malformed';

function parseEdns(
  packet: Buffer,
  start: number,
  others: number,
  additionals: number,
): Edns | undefined | typeof malformed {
  let edns: Edns | undefined;
  let at = start;
  for (let index = 0; index < others + additionals; index++) {
    const nameEnd = skipName(packet, at);
    if (nameEnd < 0 || nameEnd + 10 > packet.length) return malformed;
    const next = nameEnd + 10 + packet.readUInt16BE(nameEnd + 8);
    if (next > packet.length) return malformed;
    if (index >= others && packet.readUInt16BE(nameEnd) === recordTypes.OPT) {
      // RFC 6891 section 6.1.1: one OPT at most, and its owner is the root.
      if (edns || nameEnd !== at + 1) return malformed;
      const parsed = parseOpt(packet, nameEnd, next);
      if (parsed === malformed) return malformed;
      edns = parsed;
    }
    at = next;
  }
  return edns;
}

function skipName(packet: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const size = packet[at];
    if (size === undefined) return -1;
    if (size >= 0xc0) return at + 2;
    if (size > maxLabelSize) return -1;
    at += size + 1;
    if (size === 0) return at;
  }
}

function parseOpt(packet: Buffer, fixed: number, end: number): Edns | typeof malformed {
  const clientSubnet = parseClientSubnet(packet, fixed + 10, end);
  if (clientSubnet === malformed) return malformed;
  return {
    udpSize: Math.max(packet.readUInt16BE(fixed + 2), plainUdpSize),
    version: packet.readUInt8(fixed + 5),
    dnssecOk: (packet.readUInt8(fixed + 6) & 0x80) !== 0,
    clientSubnet,
  };
}

const clientSubnetOption = 8;

function parseClientSubnet(
  packet: Buffer,
  start: number,
  end: number,
): ClientSubnet | undefined | typeof malformed {
  let found: ClientSubnet | undefined | typeof malformed;
  for (let at = start; at < end; ) {
    if (at + 4 > end) return malformed;
    const next = at + 4 + packet.readUInt16BE(at + 2);
    if (next > end) return malformed;
    if (packet.readUInt16BE(at) === clientSubnetOption) found = clientSubnetOf(packet.subarray(at + 4, next));
    if (found === malformed) return malformed;
    at = next;
  }
  return found;
}

/** RFC 7871 section 6: as many address octets as the source prefix needs, the scope zero in queries. */
function clientSubnetOf(option: Buffer): ClientSubnet | typeof malformed {
  if (option.length < 4) return malformed;
  const family = option.readUInt16BE(0);
  const sourcePrefix = option.readUInt8(2);
  const address = option.subarray(4);
  const longest = family === 1 ? 32 : family === 2 ? 128 : 0;
  if (sourcePrefix > longest || option.readUInt8(3) !== 0) return malformed;
  if (address.length !== Math.ceil(sourcePrefix / 8)) return malformed;
  return { family, sourcePrefix, address };
}
