/**
 * What is used of the package, as its README and papi's have it: the types that it brings lack `ctx`, the options of
 * HTTP and extensions, and have transactions in another shape than Consul takes. Answers are parsed where they come in.
 */
declare module 'consul' {
  import type { EventEmitter } from 'node:events';
  import type { Agent, ClientRequest, OutgoingHttpHeaders, RequestOptions } from 'node:http';

  /** `cancel` ends the request; `includeResponse` asks for `[response, data]` in place of the data. */
  interface Context extends EventEmitter {
    readonly includeResponse: true;
    /** Ours: called with every request before it is sent. */
    watchOver(sent: ClientRequest): ClientRequest;
  }

  interface Transport {
    request(options: RequestOptions): ClientRequest;
  }

  interface Call {
    readonly ctx: Context;
  }

  interface KeyQuery extends Call {
    readonly key: string;
    readonly recurse?: boolean;
    readonly consistent?: boolean;
    readonly index?: number;
    readonly wait?: string;
  }

  interface NewSession extends Call {
    readonly name: string;
    readonly ttl: string;
    readonly behavior: 'delete';
    readonly lockdelay: string;
    readonly checks: readonly string[];
  }

  interface Options {
    readonly baseUrl: string;
    readonly agent: Agent;
    readonly headers: OutgoingHttpHeaders;
  }

  export default class Consul {
    constructor(options: Options);
    readonly kv: { get(query: KeyQuery): Promise<unknown> };
    readonly transaction: { create(operations: readonly unknown[], call: Call): Promise<unknown> };
    readonly session: {
      create(session: NewSession): Promise<unknown>;
      renew(session: Call & { readonly id: string }): Promise<unknown>;
      destroy(session: Call & { readonly id: string }): Promise<unknown>;
    };
    _ext(
      event: 'onRequest',
      extend: (request: { transport: Transport; readonly ctx: Context }, next: () => void) => void,
    ): void;
  }
}
