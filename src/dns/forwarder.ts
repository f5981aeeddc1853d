import { randomInt } from 'node:crypto';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { type ReplyOptions, replyTruncated, replyWithCode, sizeLimit } from './answer.ts';
import { exchangeTcp, exchangeUdp } from './exchange.ts';
import type { Counters } from './metrics.ts';
import type { Query } from './question.ts';
import type { Upstream } from './resolv-conf.ts';
import type { Upstreams } from './upstreams.ts';
import { headerBits, headerSize, maxUdpSize, rcodes, recordTypes } from './wire.ts';

export interface ForwarderOptions {
  /** Queries under way at once; more get SERVFAIL at once (--dns-max-inflight). */
  readonly maxInflight: number;
  /** For one server to answer. Default 2000. */
  readonly tryMs?: number;
  /** For all servers together: below the 5 s after which clients give up and see silence. Default 4500. */
  readonly totalMs?: number;
}

/** Less time than this is not enough to ask anybody. */
const worthwhileMs = 20;

/** What a server says when it cannot help; another may. NXDOMAIN is an answer. */
const unhelpful: ReadonlySet<number> = new Set([
  rcodes.FORMERR,
  rcodes.SERVFAIL,
  rcodes.NOTIMP,
  rcodes.REFUSED,
]);

/**
 * Takes what is not ours to the upstream servers. The question goes as the client spelled it, under an
 * ID of our own; of its EDNS options none goes along: cookies are between neighbours (RFC 7873), and
 * whose client asks is nobody's business (EDNS Client Subnet).
 */
export class Forwarder {
  readonly #tryMs: number;
  readonly #totalMs: number;
  #inflight = 0;

  constructor(
    private readonly upstreams: Upstreams,
    private readonly options: ForwarderOptions,
    private readonly counters: Counters,
    private readonly log: Logger,
  ) {
    this.#tryMs = options.tryMs ?? 2000;
    this.#totalMs = options.totalMs ?? 4500;
  }

  get inflight(): number {
    return this.#inflight;
  }

  /** Resolves with the reply to send, always: SERVFAIL where no server helps. */
  async forward(query: Query, reply: ReplyOptions): Promise<Buffer> {
    if (this.#inflight >= this.options.maxInflight) {
      this.counters.forwardOverflows++;
      return replyWithCode(query, rcodes.SERVFAIL, reply);
    }
    this.#inflight++;
    this.counters.forwarded++;
    try {
      const answer = await this.#askServers(query, reply);
      if (answer) return asReply(query, answer, reply);
    } catch (error) {
      this.log.error({ error }, `dns: forwarding failed: ${messageOf(error)}`);
    } finally {
      this.#inflight--;
    }
    this.counters.forwardFailures++;
    return replyWithCode(query, rcodes.SERVFAIL, reply);
  }

  /** The first helpful answer, else the last unhelpful one. */
  async #askServers(query: Query, reply: ReplyOptions): Promise<Buffer | undefined> {
    const deadline = performance.now() + this.#totalMs;
    let last: Buffer | undefined;
    for (const server of this.upstreams.inOrder()) {
      const left = Math.min(this.#tryMs, deadline - performance.now());
      if (left < worthwhileMs) break;
      const answer = await this.#ask(server, query, reply, left);
      if (answer && !unhelpful.has(rcodeOf(answer))) return answer;
      last = answer ?? last;
    }
    return last;
  }

  async #ask(
    server: Upstream,
    query: Query,
    reply: ReplyOptions,
    timeoutMs: number,
  ): Promise<Buffer | undefined> {
    const packet = outgoing(query);
    const accepts = (answer: Buffer) => isAnswerTo(packet, answer);
    const until = performance.now() + timeoutMs;
    try {
      const answer = await exchangeUdp(server, packet, accepts, timeoutMs);
      this.upstreams.answered(server);
      // A client on UDP is told of the truncation and comes back over TCP by itself.
      if (reply.transport === 'udp' || !(answer.readUInt16BE(2) & headerBits.tc)) return answer;
      return await exchangeTcp(server, packet, accepts, Math.max(1, until - performance.now()));
    } catch (error) {
      this.upstreams.failed(server);
      this.log.debug({ server: server.address }, `dns: ${messageOf(error)}`);
      return undefined;
    }
  }
}

function rcodeOf(answer: Buffer): number {
  return answer.readUInt16BE(2) & headerBits.rcode;
}

const optSize = 11;
/** AD in a query asks for the AD bit in the answer (RFC 6840 section 5.7). */
const forwardedBits = headerBits.rd | headerBits.cd | 0x0020;

function outgoing({ packet, end, edns }: Query): Buffer {
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
function isAnswerTo(asked: Buffer, answer: Buffer): boolean {
  if (answer.length < headerSize || answer.readUInt16BE(0) !== asked.readUInt16BE(0)) return false;
  if (!(answer.readUInt16BE(2) & headerBits.qr)) return false;
  if (answer.readUInt16BE(4) === 0) return unhelpful.has(rcodeOf(answer));
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
function asReply(query: Query, answer: Buffer, reply: ReplyOptions): Buffer {
  if (answer.readUInt16BE(4) === 0) return replyWithCode(query, rcodeOf(answer), reply);
  if (answer.length > sizeLimit(query.edns, reply.transport))
    return replyTruncated(query, rcodeOf(answer), reply);
  const out = Buffer.from(answer);
  query.packet.copy(out, 0, 0, 2);
  query.packet.copy(out, headerSize, headerSize, query.end);
  return out;
}
