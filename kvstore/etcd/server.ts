import { noop } from 'cockatiel';
import { Etcd3, type IOptions } from 'etcd3';
import { callTimeout } from '../remote/backend.ts';
import type { StoreOptions } from '../remote/options.ts';
import { addressOf, type Server } from '../remote/spec.ts';
import { isStaleLogin, noAnswer } from './error.ts';
import { keepStreams } from './keep-streams.ts';

interface Session {
  readonly client: Etcd3;
  calls: number;
  /** By `performance.now()`. */
  readonly opened: number;
}

/** Milliseconds. A login that is younger is not stale: what it may not do no other one may. */
const freshFor = 5000;

/**
 * One server. gRPC has no deadline for connecting: where packets are lost it waits for the kernel's next try, up to
 * a minute after they pass again, and all calls wait with it. So what does not answer is given up with its
 * connection, and the next call makes a new one; calls under way on the old one end by themselves.
 */
export class EtcdServer {
  readonly #open: () => Etcd3;
  #session: Session;

  constructor(server: Server, scheme: string, options: StoreOptions) {
    let opened = 0;
    this.#open = () => new Etcd3(clientOptions(scheme + addressOf(server), options, ++opened));
    this.#session = this.#newSession();
  }

  /** A stale login is replaced, and the call made once more: etcd has done nothing of it. */
  async use<T>(call: (client: Etcd3) => Promise<T>): Promise<T> {
    const session = this.#session;
    try {
      return await this.#on(session, call);
    } catch (error) {
      if (!isStaleLogin(error) || session === this.#session) throw error;
      return await this.#on(this.#session, call);
    }
  }

  async #on<T>(session: Session, call: (client: Etcd3) => Promise<T>): Promise<T> {
    session.calls += 1;
    try {
      return await call(session.client);
    } catch (error) {
      const isStale = isStaleLogin(error) && performance.now() - session.opened > freshFor;
      if ((isStale || noAnswer(error)) && session === this.#session) this.#session = this.#newSession();
      throw error;
    } finally {
      session.calls -= 1;
      if (session !== this.#session && session.calls === 0) session.client.close();
    }
  }

  #newSession(): Session {
    return { client: this.#open(), calls: 0, opened: performance.now() };
  }

  close(): void {
    this.#session.client.close();
  }
}

/** `count`: gRPC lets clients of the same options share a connection, and a new one must not get the old one's. */
function clientOptions(host: string, { tls, login }: StoreOptions, count: number): IOptions {
  const client = tls?.client && { privateKey: tls.client.key, certChain: tls.client.cert };
  return {
    hosts: [host],
    ...(tls?.ca && { credentials: { rootCertificate: tls.ca, ...client } }),
    ...(login && { auth: { username: login.user, password: login.password } }),
    // No retries: a Txn whose answer was lost must not be sent again.
    faultHandling: { global: noop, host: () => noop },
    defaultCallOptions: (context) => (context.isStream ? {} : { deadline: Date.now() + callTimeout }),
    grpcOptions: {
      interceptors: [keepStreams],
      'grpc.primary_user_agent': `fairlead-${count}`,
      'grpc.max_receive_message_length': -1,
      // A connection that is cut without a word is noticed; etcd refuses pings more often than every 5 s.
      'grpc.keepalive_time_ms': 6000,
      'grpc.keepalive_timeout_ms': callTimeout,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2000,
    },
  };
}
