/** The numbers of RFC 1035 and its successors that this responder knows by name. */

export const recordTypes = {
  A: 1,
  SOA: 6,
  PTR: 12,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** RFC 6891 section 9; its upper eight bits travel in the OPT record. */
  BADVERS: 16,
} as const;

const rcodeNames = new Map<number, string>(Object.entries(rcodes).map(([name, code]) => [code, name]));

/** `NXDOMAIN`; `RCODE9` for those without a name here. */
export function rcodeName(code: number): string {
  return rcodeNames.get(code) ?? `RCODE${code}`;
}

export const classIn = 1;

/** Bits of the second header word (RFC 1035 section 4.1.1, CD from RFC 4035). */
export const headerBits = {
  qr: 0x8000,
  opcode: 0x7800,
  aa: 0x0400,
  tc: 0x0200,
  rd: 0x0100,
  ra: 0x0080,
  /** In a query it asks for the bit in the answer (RFC 6840 section 5.7). */
  ad: 0x0020,
  cd: 0x0010,
  rcode: 0x000f,
} as const;

export const headerSize = 12;

/** What a client without EDNS takes over UDP (RFC 1035 section 4.2.1). */
export const plainUdpSize = 512;
/** The most that is sent over UDP, so that no answer is fragmented (DNS flag day 2020). */
export const maxUdpSize = 1232;
/** The most a two-octet length can frame. */
export const maxTcpSize = 65535;

/** RFC 1035 section 2.3.4. */
export const maxLabelSize = 63;
export const maxWireName = 255;

/** RFC 1035 section 4.2.2: two octets of length in front. */
export function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(message.length + 2);
  frame.writeUInt16BE(message.length, 0);
  message.copy(frame, 2);
  return frame;
}
