import { fromNumber } from '../../lib/addresses.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Asker } from '../askers/asker.ts';
import type { Claimant } from '../askers/shares.ts';
import type { Views } from '../askers/views.ts';
import type { Forwarder } from '../forward/forwarder.ts';
import type { Counters } from '../metrics.ts';
import type { NameTable } from '../names/name-table.ts';
import { type OwnOutcome, recordsFor } from '../names/records.ts';
import { type Ask, type ResponderOptions, resolve } from '../names/responder.ts';
import type { View } from '../names/view.ts';
import {
  namesOneAddress,
  ReadyAnswer,
  type ReplyOptions,
  replyToGarbage,
  replyWith,
  replyWithCode,
  type Transport,
} from '../wire/answer.ts';
import { encodeTail } from '../wire/encoder.ts';
import { keyOf, labelsOfWire } from '../wire/labels.ts';
import { drop, parseQuery, type Query } from '../wire/question.ts';
import { Rotations } from '../wire/rotation.ts';
import { classIn, headerBits, rcodes, recordTypes } from '../wire/wire.ts';

/**
 * Where a query came in: a network's gateway, an address that containers of all networks reach and that the asker's
 * own says who it is, inside a container's sandbox, or the host's own listener.
 */
export type ListenerKind =
  | { readonly kind: 'gateway'; readonly networkId: string }
  | { readonly kind: 'shared' }
  | { readonly kind: 'sandbox'; readonly containerId: string }
  | { readonly kind: 'host' };

/** Where a listener's packets come in, and how. */
export interface Arrival {
  readonly listener: ListenerKind;
  readonly transport: Transport;
}

/**
 * What a listener does with a packet from this address: an answer at once for own names, later for forwarded
 * ones, and nothing for what must not be answered. Neither throws nor rejects.
 */
export type Respond = (packet: Buffer, from: string) => Buffer | Promise<Buffer> | undefined;

export interface ListenerHandler {
  readonly respond: Respond;
  /** Whose share a connection from this address uses; undefined: who is there is not answered here. */
  readonly admit: (from: string) => Claimant | undefined;
}

/** Goes upstream, for this asker. */
interface Forwarding {
  readonly query: Query;
  readonly asker: Asker;
  /** The address that it came from. */
  readonly from: string;
}

/** Asks where it is not answered, not even with an error: whoever forges addresses would have it sent elsewhere. */
const stranger = 'stranger';

type Handled = Buffer | Forwarding | typeof drop | typeof stranger;

export interface QueryHandlerParts {
  readonly table: NameTable;
  readonly views: Views;
  readonly forwarder: Forwarder;
  readonly counters: Counters;
  readonly options: ResponderOptions & { readonly ttl: number };
  readonly log: Logger;
}

/**
 * A packet in, at most one packet out. Own names are answered before `handle` returns; the ready answer
 * of an earlier query for the same name and type is found by the question's octets alone, before
 * anything is decoded.
 */
export class QueryHandler {
  readonly #rotations = new Rotations();

  constructor(private readonly parts: QueryHandlerParts) {}

  handlerAt(arrival: Arrival): ListenerHandler {
    return {
      respond: (packet, from) => this.handle(packet, from, arrival),
      admit: (from) => this.#admit(from, arrival.listener),
    };
  }

  handle(packet: Buffer, from: string, arrival: Arrival): ReturnType<Respond> {
    const { counters } = this.parts;
    counters[arrival.transport]++;
    const answer = this.#answerSafely(packet, from, arrival);
    if (answer === drop) {
      counters.dropped++;
      return undefined;
    }
    if (answer === stranger) {
      counters.notAdmitted++;
      return undefined;
    }
    if (!Buffer.isBuffer(answer)) return this.#forward(answer, arrival);
    counters.countAnswer(answer);
    return answer;
  }

  #admit(from: string, listener: ListenerKind): Claimant | undefined {
    const claimant = this.#askerAt(listener, from)?.claimant;
    if (!claimant) this.parts.counters.notAdmitted++;
    return claimant;
  }

  async #forward({ query, asker, from }: Forwarding, arrival: Arrival): Promise<Buffer> {
    const reply = await this.parts.forwarder.forward(query, optionsFor(arrival), asker, from);
    this.parts.counters.countAnswer(reply);
    return reply;
  }

  /** A bug must cost one query its answer, not the daemon its life. */
  #answerSafely(packet: Buffer, from: string, arrival: Arrival): Handled {
    try {
      return this.#answer(packet, from, arrival);
    } catch (error) {
      this.parts.log.error(
        { err: error, packet: packet.toString('hex') },
        `dns: cannot answer a query: ${messageOf(error)}`,
      );
      return replyToGarbage(packet, rcodes.SERVFAIL);
    }
  }

  #answer(packet: Buffer, from: string, arrival: Arrival): Handled {
    const { listener } = arrival;
    const found = this.#askerAt(listener, from);
    if (!found) return stranger;
    const query = parseQuery(packet);
    if (query === drop) return drop;
    if (typeof query === 'number') return replyToGarbage(packet, query);
    const options = optionsFor(arrival);
    const refusal = refusalOf(query);
    if (refusal !== undefined) return replyWithCode(query, refusal, options);
    const named = listener.kind === 'host' ? namedAsker(query) : undefined;
    const asker = named === undefined ? found : (this.parts.views.onBehalfOf(named) ?? found);
    const ready = asker.view.ready.get(query.key) ?? this.#makeReady(query, asker.view);
    return ready === 'forward' ? { query, asker, from } : replyWith(query, ready, options, named ?? from);
  }

  #askerAt(listener: ListenerKind, from: string): Asker | undefined {
    const { views } = this.parts;
    if (listener.kind === 'sandbox') return views.asContainer(listener.containerId);
    if (listener.kind === 'gateway') return views.onGateway(listener.networkId, from);
    return listener.kind === 'shared' ? views.onShared(from) : views.onHost(from);
  }

  #makeReady(query: Query, view: View): ReadyAnswer | 'forward' {
    const { table, options } = this.parts;
    const labels = labelsOfWire(query.key);
    const ask = { labels, key: keyOf(labels) };
    const outcome = resolve(ask, view, table, options);
    const ready = outcome.kind === 'forward' ? outcome.kind : this.#encode(ask, query.type, outcome);
    this.parts.views.keep(view, query.key, ready);
    return ready;
  }

  #encode(ask: Ask, type: number, outcome: OwnOutcome): ReadyAnswer {
    const { table, options } = this.parts;
    const { rcode, sections } = recordsFor(ask, type, outcome, options.ttl, table.generation);
    const tail = encodeTail(ask.labels, sections);
    const flags = headerBits.aa | rcode;
    // Of a name with one address there is nothing to remember.
    if (!tail.rotates || outcome.kind !== 'hosts') return new ReadyAnswer(flags, tail);
    const { hosts, zone } = outcome;
    // The oldest that says one decides, on every node alike.
    const policy = hosts.find(({ endpoint }) => endpoint.dnsPolicy)?.endpoint.dnsPolicy;
    const rotation = this.#rotations.of(`${zone.network.id} ${type} ${ask.key}`);
    return new ReadyAnswer(flags, tail, policy, rotation);
  }
}

/** The address that the host's listener is asked on behalf of. */
function namedAsker({ edns }: Query): string | undefined {
  const subnet = edns?.clientSubnet;
  if (!subnet || !namesOneAddress(subnet)) return undefined;
  return fromNumber(BigInt(`0x${subnet.address.toString('hex')}`), subnet.family === 1 ? 4 : 6);
}

const gatewayReplies: Readonly<Record<Transport, ReplyOptions>> = {
  udp: { transport: 'udp', echoSubnet: false },
  tcp: { transport: 'tcp', echoSubnet: false },
};
const hostReplies: Readonly<Record<Transport, ReplyOptions>> = {
  udp: { transport: 'udp', echoSubnet: true },
  tcp: { transport: 'tcp', echoSubnet: true },
};

function optionsFor({ listener, transport }: Arrival): ReplyOptions {
  return listener.kind === 'host' ? hostReplies[transport] : gatewayReplies[transport];
}

/** What is answered by an RCODE alone, for any name. */
function refusalOf(query: Query): number | undefined {
  if (query.edns && query.edns.version > 0) return rcodes.BADVERS;
  // Class CH and the like: Docker answers them as IN, which tells resolvers a lie about version.bind.
  if (query.class !== classIn) return rcodes.REFUSED;
  if (query.type === recordTypes.AXFR || query.type === recordTypes.IXFR) return rcodes.REFUSED;
  // OPT is no type that a name can have (RFC 6891 section 6.1.1).
  return query.type === recordTypes.OPT ? rcodes.FORMERR : undefined;
}
