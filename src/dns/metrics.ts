import type { Limit } from './askers/shares.ts';
import type { Transport } from './wire/answer.ts';
import { headerBits, rcodeName } from './wire/wire.ts';

/** Counters since the start, as `/metrics` shows them. */
export interface DnsMetrics {
  readonly queries: Readonly<Record<Transport, number>>;
  /** Answers by RCODE, forwarded ones included. */
  readonly answers: Readonly<Record<string, number>>;
  /** Answers with TC set: the client must come back over TCP. */
  readonly truncated: number;
  /** Not answered at all: responses, and packets without an ID. */
  readonly dropped: number;
  /** Packets and connections of those who are not answered at a network's listener. */
  readonly notAdmitted: number;
  readonly forwarded: number;
  /** Refused with SERVFAIL because the asker is on internal networks only. */
  readonly forwardsDenied: number;
  /** Forwarded queries that no upstream answered. */
  readonly forwardFailures: number;
  /** Refused with SERVFAIL because an upstream asked what it was being asked. */
  readonly forwardLoops: number;
  /** Refused with SERVFAIL because so many were under way: of the asker, of its network, or of all (--dns-max-inflight). */
  readonly forwardOverflows: Readonly<Record<Limit, number>>;
  readonly inflight: number;
  /** Over TCP, open now. */
  readonly connections: number;
  /** Connections that cost an older one, or were refused where none was idle, by what had reached its limit. */
  readonly connectionOverflows: Readonly<Record<Limit, number>>;
}

/** Written to with every query, hence plain numbers. */
export class Counters {
  udp = 0;
  tcp = 0;
  truncated = 0;
  dropped = 0;
  notAdmitted = 0;
  forwarded = 0;
  forwardsDenied = 0;
  forwardFailures = 0;
  forwardLoops = 0;
  readonly forwardOverflows = { asker: 0, network: 0, total: 0 };
  readonly connectionOverflows = { asker: 0, network: 0, total: 0 };
  readonly #rcodes = new Array<number>(16).fill(0);

  countAnswer(reply: Buffer): void {
    const flags = reply.readUInt16BE(2);
    const rcode = flags & headerBits.rcode;
    this.#rcodes[rcode] = (this.#rcodes[rcode] ?? 0) + 1;
    if (flags & headerBits.tc) this.truncated++;
  }

  snapshot(now: Pick<DnsMetrics, 'inflight' | 'connections'>): DnsMetrics {
    const { udp, tcp, truncated, dropped, notAdmitted, forwarded, forwardsDenied, forwardFailures } = this;
    const { forwardLoops } = this;
    const answers = this.#rcodes.flatMap((count, rcode) =>
      count > 0 ? [[rcodeName(rcode), count] as const] : [],
    );
    return {
      queries: { udp, tcp },
      answers: Object.fromEntries(answers),
      ...{ truncated, dropped, notAdmitted, forwarded, forwardsDenied, forwardFailures, forwardLoops },
      forwardOverflows: { ...this.forwardOverflows },
      connectionOverflows: { ...this.connectionOverflows },
      ...now,
    };
  }
}
