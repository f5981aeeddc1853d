import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Upstream } from '../askers/resolv-conf.ts';
import { exchangeUdp } from './exchange.ts';
import { isAnswerTo } from './upstream-query.ts';

/** Milliseconds, all of them. */
export interface ProbeTimes {
  /** After so long without an answer to anybody a server is probed. */
  readonly quietMs: number;
  /** And after so long, the probe's time included, it is in doubt. */
  readonly doubtMs: number;
  /** That a server has for a probe before it counts as dead. */
  readonly answerMs: number;
  /** Between two probes, doubled each time. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** After so long a server of a container's that nobody wants to ask is forgotten: the container is gone, say. */
  readonly forgottenMs: number;
}

const defaultTimes: ProbeTimes = {
  quietMs: 200,
  doubtMs: 500,
  answerMs: 1000,
  firstPauseMs: 100,
  longestPauseMs: 10_000,
  forgottenMs: 600_000,
};

interface Health {
  /** When it answered last, whatever and whomever. */
  answered: number;
  /** What it answered then. */
  question: Buffer | undefined;
  isDead: boolean;
  isProbed: boolean;
  /** When somebody last wanted to ask it. */
  wanted: number;
}

/** Servers of containers; beyond, those that live are forgotten, which costs nothing. */
const maxServers = 1024;

/** `. NS`, which every recursive server knows (RFC 9609). */
const rootServers = Buffer.from('0000010000010000000000000000020001', 'hex');

/**
 * Whether servers live. One name that nobody answers says nothing of the server that was asked: only one that answers
 * nothing at all, to nobody, is dead. Where a question is left open and no other was answered since, a probe finds
 * out; it goes on until the server answers again, and no client's query waits for it meanwhile. Until it is found out,
 * those who wait for this server ask the next one as well.
 */
export class UpstreamHealth {
  readonly #servers = new Map<string, Health>();
  /** The daemon's, which are not forgotten. */
  #lasting: ReadonlySet<string> = new Set();
  readonly #end = new AbortController();

  constructor(
    /** Told when it dies and when it is back. */
    private readonly onChange: (server: Upstream, isDead: boolean) => void,
    private readonly times = defaultTimes,
  ) {}

  isDead(server: Upstream): boolean {
    const health = this.#servers.get(idOf(server));
    if (health) health.wanted = performance.now();
    return health?.isDead ?? false;
  }

  answered(server: Upstream, question: Buffer): void {
    const health = this.#of(server);
    health.answered = performance.now();
    health.question = question;
    this.#set(server, health, false);
  }

  /**
   * For a question that it is asked now. Resolves once the server has answered nobody for a while, not even a probe: the
   * question may still be answered, but is not to wait for that. Of a server that answers, never.
   */
  inDoubt(server: Upstream): Promise<undefined> {
    const health = this.#of(server);
    const asked = performance.now();
    const { quietMs, doubtMs } = this.times;
    return new Promise((resolve) => {
      unlessAnswered(quietMs, () => {
        this.#startProbe(server, health);
        unlessAnswered(doubtMs - quietMs, () => resolve(undefined));
      });
    });
    function unlessAnswered(ms: number, then: () => void): void {
      setTimeout(() => health.answered < asked && then(), ms).unref();
    }
  }

  /** The daemon's servers. Others are forgotten, and probed no more; a container's is known again when it is asked. */
  keepOnly(servers: readonly Upstream[]): void {
    this.#lasting = new Set(servers.map(idOf));
    for (const id of this.#servers.keys()) if (!this.#lasting.has(id)) this.#servers.delete(id);
  }

  close(): void {
    this.keepOnly([]);
    this.#end.abort();
  }

  #startProbe(server: Upstream, health: Health): void {
    if (health.isProbed || this.#end.signal.aborted) return;
    health.isProbed = true;
    void this.#probe(server, health).finally(() => {
      health.isProbed = false;
    });
  }

  async #probe(server: Upstream, health: Health): Promise<void> {
    const { signal } = this.#end;
    const isKept = () => this.#servers.get(idOf(server)) === health;
    for (let pause = this.times.firstPauseMs; isKept(); pause *= 2) {
      const asked = performance.now();
      const question = await this.#ask(server, health.question);
      if (!isKept()) return;
      if (question) this.answered(server, question);
      if (health.answered >= asked) return;
      this.#set(server, health, true);
      if (this.#isForgotten(server, health)) return;
      const ms = Math.min(pause, this.times.longestPauseMs);
      await sleep(ms, undefined, { ref: false, signal }).catch(() => {});
    }
  }

  /**
   * Asks what every server knows, and what this one has known: some leave the one open (a forwarder for one domain), and
   * the other may be of somebody who had it answered once only. @returns what was answered
   */
  async #ask(server: Upstream, known: Buffer | undefined): Promise<Buffer | undefined> {
    const questions = [rootServers, ...(known ? [known] : [])].map(underAnotherId);
    const asked = questions.map(async (question) => {
      await exchangeUdp(server, question, (answer) => isAnswerTo(question, answer), this.times.answerMs);
      return question;
    });
    return await Promise.any(asked).catch(() => undefined);
  }

  #isForgotten(server: Upstream, { wanted }: Health): boolean {
    const id = idOf(server);
    if (this.#lasting.has(id) || performance.now() - wanted < this.times.forgottenMs) return false;
    return this.#servers.delete(id);
  }

  #set(server: Upstream, health: Health, isDead: boolean): void {
    if (health.isDead === isDead) return;
    health.isDead = isDead;
    this.onChange(server, isDead);
  }

  #of(server: Upstream): Health {
    const id = idOf(server);
    const known = this.#servers.get(id);
    if (known) return known;
    if (this.#servers.size >= maxServers) this.#forgetLiving();
    const health = {
      wanted: performance.now(),
      answered: Number.NEGATIVE_INFINITY,
      question: undefined,
      isDead: false,
      isProbed: false,
    };
    this.#servers.set(id, health);
    return health;
  }

  #forgetLiving(): void {
    for (const [id, { isDead }] of this.#servers) {
      if (!isDead && !this.#lasting.has(id)) this.#servers.delete(id);
    }
  }
}

/** RFC 5452 section 9.2. */
function underAnotherId(question: Buffer): Buffer {
  const packet = Buffer.from(question);
  packet.writeUInt16BE(randomInt(0x10000), 0);
  return packet;
}

function idOf({ address, port }: Upstream): string {
  return `${address} ${port}`;
}
