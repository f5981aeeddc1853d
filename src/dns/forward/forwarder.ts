import { messageOf } from '../../lib/errors.ts';
import { joinHostPort } from '../../lib/host-address.ts';
import type { Logger } from '../../lib/log.ts';
import { type Asker, mayForward } from '../askers/asker.ts';
import { HostAddresses } from '../askers/host-addresses.ts';
import type { Upstream } from '../askers/resolv-conf.ts';
import type { Shares } from '../askers/shares.ts';
import type { Counters } from '../metrics.ts';
import { type ReplyOptions, replyWithCode } from '../wire/answer.ts';
import type { Query } from '../wire/question.ts';
import { headerBits, rcodes } from '../wire/wire.ts';
import { exchangeTcp, exchangeUdp } from './exchange.ts';
import { type FlightQuestion, Flights } from './flights.ts';
import { asReply, isAnswerTo, isHelpful, outgoing } from './upstream-query.ts';
import type { Upstreams } from './upstreams.ts';

export interface ForwarderOptions {
  /** For one server to answer. Default 2000. */
  readonly tryMs?: number;
  /** For all servers together: below the 5 s after which clients give up and see silence. Default 4500. */
  readonly totalMs?: number;
}

/** Of a loop that goes on there is one line in the log in so many milliseconds. */
const loopLogMs = 60_000;

/** Less time than this is not enough to ask anybody. */
const worthwhileMs = 20;

/** Takes what is not ours to the upstream servers, for those who have a way out and within their shares. */
export class Forwarder {
  readonly #flights: Flights;
  #loopLogged = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly upstreams: Upstreams,
    /** Of queries that are under way. */
    private readonly shares: Shares,
    private readonly options: ForwarderOptions,
    private readonly counters: Counters,
    private readonly log: Logger,
    addresses = new HostAddresses(),
  ) {
    this.#flights = new Flights((address) => addresses.has(address));
  }

  /** Resolves with the reply to send, always: SERVFAIL where no server helps, or none may be asked. */
  async forward(query: Query, reply: ReplyOptions, asker: Asker, from?: string): Promise<Buffer> {
    const failure = replyWithCode(query, rcodes.SERVFAIL, reply);
    const { claimant } = asker;
    if (!mayForward(asker)) {
      this.counters.forwardsDenied++;
      return failure;
    }
    const limit = this.shares.take(claimant);
    if (limit) {
      this.counters.forwardOverflows[limit]++;
      return failure;
    }
    this.counters.forwarded++;
    try {
      const servers = this.upstreams.inOrder(asker.servers);
      const answer = await this.#askOnce({ query, transport: reply.transport, servers, from }, reply);
      if (answer) return asReply(query, answer, reply);
    } catch (error) {
      this.log.error({ err: error }, `dns: forwarding failed: ${messageOf(error)}`);
    } finally {
      this.shares.giveBack(claimant);
    }
    this.counters.forwardFailures++;
    return failure;
  }

  async #askOnce(question: FlightQuestion, reply: ReplyOptions): Promise<Answer> {
    const looping = this.#flights.loopOf(question);
    if (looping) {
      this.#noteLoop(looping);
      return undefined;
    }
    return await this.#flights.answerTo(question, () => this.#askServers(question, reply));
  }

  #noteLoop({ address, port }: Upstream): void {
    this.counters.forwardLoops++;
    const now = performance.now();
    if (now - this.#loopLogged < loopLogMs) return;
    this.#loopLogged = now;
    const what = `dns: upstream ${joinHostPort(address, port)} asks this daemon what this daemon asks it`;
    this.log.warn(`${what}: one of them must not forward to the other (--dns)`);
  }

  /**
   * The first helpful answer, else the last unhelpful one. The next server is asked when one has not helped, and as well
   * when one is in doubt; never because one that lives is slow, since it may know names that the next denies.
   */
  async #askServers({ query, servers }: FlightQuestion, reply: ReplyOptions): Promise<Answer> {
    const { tryMs = 2000, totalMs = 4500 } = this.options;
    const deadline = performance.now() + totalMs;
    const all: Promise<Answer>[] = [];
    for (const server of servers) {
      const left = Math.min(tryMs, deadline - performance.now());
      if (left < worthwhileMs) break;
      const one = this.#ask(server, outgoing(query), reply, left);
      all.push(one);
      const inDoubt = this.upstreams.health.inDoubt(server);
      const found = await Promise.race([firstHelpful(all), one.then(ifHelpful), inDoubt]);
      if (found) return found;
    }
    return (await firstHelpful(all)) ?? (await Promise.all(all)).findLast(Boolean);
  }

  async #ask(server: Upstream, packet: Buffer, reply: ReplyOptions, timeoutMs: number): Promise<Answer> {
    const asked = performance.now();
    const answer = await this.#attempt(exchangeUdp(server, packet, accepting(packet), timeoutMs));
    if (answer) this.upstreams.health.answered(server, packet);
    // A client on UDP is told of the truncation and comes back over TCP by itself.
    if (!answer || reply.transport === 'udp' || !(answer.readUInt16BE(2) & headerBits.tc)) return answer;
    // A server that takes no TCP still lives.
    const left = Math.max(1, asked + timeoutMs - performance.now());
    return await this.#attempt(exchangeTcp(server, packet, accepting(packet), left));
  }

  async #attempt(exchange: Promise<Buffer>): Promise<Answer> {
    try {
      return await exchange;
    } catch (error) {
      this.log.debug({}, `dns: ${messageOf(error)}`);
      return undefined;
    }
  }
}

type Answer = Buffer | undefined;

function ifHelpful(answer: Answer): Answer {
  return answer && isHelpful(answer) ? answer : undefined;
}

/** Undefined when none of them is. */
async function firstHelpful(all: readonly Promise<Answer>[]): Promise<Answer> {
  const helpful = all.map(async (one) => ifHelpful(await one) ?? Promise.reject(new Error('does not help')));
  return await Promise.any(helpful).catch(() => undefined);
}

function accepting(packet: Buffer): (answer: Buffer) => boolean {
  return (answer) => isAnswerTo(packet, answer);
}
