import { randomInt } from 'node:crypto';
import { type ReplyOptions, replyTruncated, replyWithCode, sizeLimit } from '../wire/answer.ts';
import type { Query } from '../wire/question.ts';
import { headerBits, headerSize, maxUdpSize, rcodes, recordTypes } from '../wire/wire.ts';

/**
 * What goes to an upstream server and comes back. The question goes as the client spelled it, under an ID of our own; of
 * its EDNS options none goes along: cookies are between neighbours (RFC 7873), and whose client asks is nobody's
 * business (EDNS Client Subnet).
 */

/** What a server says when it cannot help; another may. NXDOMAIN is an answer. */
const unhelpful: ReadonlySet<number> = new Set([
  rcodes.FORMERR,
  rcodes.SERVFAIL,
  rcodes.NOTIMP,
  rcodes.REFUSED,
]);

export function isHelpful(answer: Buffer): boolean {
  return !unhelpful.has(rcodeOf(answer));
}

function rcodeOf(answer: Buffer): number {
  return answer.readUInt16BE(2) & headerBits.rcode;
}

const optSize = 11;
const forwardedBits = headerBits.rd | headerBits.cd | headerBits.ad;

export function outgoing({ packet, end, edns }: Query): Buffer {
  const out = Buffer.alloc(end + (edns ? optSize : 0));
  packet.copy(out, headerSize, headerSize, end);
  out.writeUInt16BE(randomInt(0x10000), 0);
  out.writeUInt16BE(packet.readUInt16BE(2) & forwardedBits, 2);
  out.writeUInt16BE(1, 4);
  if (edns) {
    out.writeUInt16BE(1, 10);
    out.writeUInt16BE(recordTypes.OPT, end + 1);
    out.writeUInt16BE(maxUdpSize, end + 3);
    out.writeUInt16BE(edns.dnssecOk ? 0x8000 : 0, end + 7);
  }
  return out;
}

/** Same ID, a response, and the same question; servers that refuse may leave the question out. */
export function isAnswerTo(asked: Buffer, answer: Buffer): boolean {
  if (answer.length < headerSize || answer.readUInt16BE(0) !== asked.readUInt16BE(0)) return false;
  if (!(answer.readUInt16BE(2) & headerBits.qr)) return false;
  if (answer.readUInt16BE(4) === 0) return !isHelpful(answer);
  const end = endOfQuestion(asked);
  return answer.readUInt16BE(4) === 1 && questionText(asked, end) === questionText(answer, end);
}

/** The type must match exactly, the name without case: some servers answer in their own. */
function questionText(packet: Buffer, end: number): string {
  return (
    packet.toString('latin1', headerSize, end - 4).toLowerCase() + packet.toString('latin1', end - 4, end)
  );
}

function endOfQuestion(packet: Buffer): number {
  let at = headerSize;
  while (packet[at]) at += (packet[at] ?? 0) + 1;
  return at + 5;
}

/** The server's answer under the client's ID and spelling, or TC where the client takes less than came. */
export function asReply(query: Query, answer: Buffer, reply: ReplyOptions): Buffer {
  if (answer.readUInt16BE(4) === 0) return replyWithCode(query, rcodeOf(answer), reply);
  if (answer.length > sizeLimit(query.edns, reply.transport))
    return replyTruncated(query, rcodeOf(answer), reply);
  const out = Buffer.from(answer);
  query.packet.copy(out, 0, 0, 2);
  query.packet.copy(out, headerSize, headerSize, query.end);
  return out;
}
