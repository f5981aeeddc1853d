import type { Upstream } from '../askers/resolv-conf.ts';
import type { Transport } from '../wire/answer.ts';
import type { Query } from '../wire/question.ts';
import { headerBits } from '../wire/wire.ts';

/** A question that servers are being asked. */
interface Flight {
  readonly servers: readonly Upstream[];
  readonly answer: Promise<Buffer | undefined>;
}

export interface FlightQuestion {
  readonly query: Query;
  readonly transport: Transport;
  readonly servers: readonly Upstream[];
  /** The address that the query came from; absent: a person asks. */
  readonly from?: string | undefined;
}

/**
 * Asks a question once however many want to know it meanwhile. That also stops a query that goes in a circle between
 * forwarders, whatever is between them (a daemon that forwards to us, a dnsmasq that hands on what we sent it): it comes
 * back while it is under way, and goes out no second time. A mark of our own in an EDNS option would stop only at
 * forwarders that hand options on, and an OPT record in a question that had none is dropped by some; a count of hops has
 * no place in DNS. Fewer equal questions under way also leave less to guess (RFC 5452 section 5).
 */
export class Flights {
  readonly #flights = new Map<string, Flight>();

  constructor(
    /** Whose queries are never a server's: programs here may ask us what they ask it. */
    private readonly isOwnAddress: (address: string) => boolean,
  ) {}

  /** The server that asks us what we are asking it. */
  loopOf(question: FlightQuestion): Upstream | undefined {
    const { from = '' } = question;
    const servers = this.#flights.get(keyOf(question))?.servers ?? [];
    return servers.find(({ address }) => address === from && !this.isOwnAddress(address));
  }

  /** Resolves and rejects as `ask` does, which is called unless the question is under way. */
  answerTo(question: FlightQuestion, ask: () => Promise<Buffer | undefined>): Promise<Buffer | undefined> {
    const key = keyOf(question);
    const known = this.#flights.get(key);
    if (known) return known.answer;
    const answer = ask().finally(() => this.#flights.delete(key));
    this.#flights.set(key, { servers: question.servers, answer });
    return answer;
  }
}

const askedBits = headerBits.rd | headerBits.cd | headerBits.ad;

/** All that the answer may depend on. */
function keyOf({ query, transport, servers }: FlightQuestion): string {
  const { key, packet, edns } = query;
  const flags = packet.readUInt16BE(2) & askedBits;
  const where = servers.map(({ address, port }) => `${address} ${port}`);
  return [key, flags, edns ? Number(edns.dnssecOk) : '', transport, ...where].join('/');
}
