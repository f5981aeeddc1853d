import type { Transport } from './answer.ts';
import { headerBits, rcodeName } from './wire.ts';

/** Counters since the start, as `/metrics` shows them. */
export interface DnsMetrics {
  readonly queries: Readonly<Record<Transport, number>>;
  /** Answers by RCODE, forwarded ones included. */
  readonly answers: Readonly<Record<string, number>>;
  /** Answers with TC set: the client must come back over TCP. */
  readonly truncated: number;
  /** Not answered at all: responses, and packets without an ID. */
  readonly dropped: number;
  readonly forwarded: number;
  /** Forwarded queries that no upstream answered. */
  readonly forwardFailures: number;
  /** Refused with SERVFAIL because --dns-max-inflight queries were under way. */
  readonly forwardOverflows: number;
  readonly inflight: number;
}

/** Written to with every query, hence plain numbers. */
export class Counters {
  udp = 0;
  tcp = 0;
  truncated = 0;
  dropped = 0;
  forwarded = 0;
  forwardFailures = 0;
  forwardOverflows = 0;
  readonly #rcodes = new Array<number>(16).fill(0);

  countAnswer(reply: Buffer): void {
    const flags = reply.readUInt16BE(2);
    const rcode = flags & headerBits.rcode;
    this.#rcodes[rcode] = (this.#rcodes[rcode] ?? 0) + 1;
    if (flags & headerBits.tc) this.truncated++;
  }

  snapshot(inflight: number): DnsMetrics {
    const { udp, tcp, truncated, dropped, forwarded, forwardFailures, forwardOverflows } = this;
    const answers = this.#rcodes.flatMap((count, rcode) =>
      count > 0 ? [[rcodeName(rcode), count] as const] : [],
    );
    return {
      queries: { udp, tcp },
      answers: Object.fromEntries(answers),
      truncated,
      dropped,
      forwarded,
      forwardFailures,
      forwardOverflows,
      inflight,
    };
  }
}
