import * as http from 'node:http';
import * as https from 'node:https';
import { callTimeout, neverSent } from '../remote/backend.ts';
import type { StoreOptions } from '../remote/options.ts';
import type { Server, StoreSpec } from '../remote/spec.ts';

export interface ConsulAnswer {
  readonly status: number;
  /** X-Consul-Index, for blocking queries; 0 when absent. */
  readonly index: number;
  readonly text: string;
  /** Milliseconds from the answer's first byte to its last. */
  readonly transfer: number;
}

export const denied = 'permission denied: check the token in --kv-store-opt';

export interface ConsulRequest {
  readonly method: 'GET' | 'PUT';
  /** With the leading slash, encoded. */
  readonly path: string;
  readonly body?: unknown;
  /** Milliseconds without a word; `callTimeout` when absent. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

/** Plain HTTP: the consul package has neither transactions with answers to each step nor the index of an answer. */
export class ConsulHttp {
  readonly #servers: Server[];
  readonly #secure: boolean;
  readonly #agent: http.Agent;
  readonly #headers: http.OutgoingHttpHeaders;
  readonly #namespace: string | undefined;

  constructor(spec: StoreSpec, options: StoreOptions) {
    const { tls, token, namespace } = options;
    this.#servers = [...spec.servers];
    this.#secure = tls !== undefined || spec.servers.some((server) => server.secure);
    const common = { keepAlive: true, maxSockets: 256 };
    this.#agent = this.#secure
      ? new https.Agent({ ...common, ...(tls?.ca && { ca: tls.ca }), ...tls?.client })
      : new http.Agent(common);
    this.#headers = token === undefined ? {} : { 'x-consul-token': token };
    this.#namespace = namespace;
  }

  /**
   * Asks the server that answered last; when it cannot be reached at all, the others. Any other failure
   * rejects, and the next request goes to the next server.
   */
  async ask(request: ConsulRequest): Promise<ConsulAnswer> {
    for (let left = this.#servers.length; ; left--) {
      const [server] = this.#servers;
      if (!server) throw new Error('no server');
      try {
        const answer = await this.#send(server, request);
        if (answer.status < 500 && answer.status !== 403) return answer;
        throw new Error(reasonOf(answer));
      } catch (error) {
        if (request.signal?.aborted) throw error;
        if (this.#servers[0] === server) this.#servers.push(...this.#servers.splice(0, 1));
        if (left === 1 || !neverSent(error)) throw error;
      }
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** The timeout is one of silence: a long list may take longer, as long as it comes. */
  #send(server: Server, request: ConsulRequest): Promise<ConsulAnswer> {
    return new Promise((resolve, reject) => {
      const options: http.RequestOptions = {
        host: server.host,
        port: server.port,
        method: request.method,
        path: this.#path(request.path),
        agent: this.#agent,
        headers: this.#headers,
        ...(request.signal && { signal: request.signal }),
      };
      const silence = setTimeout(
        () => sent.destroy(new Error('no answer in time')),
        request.timeout ?? callTimeout,
      );
      const sent = (this.#secure ? https : http).request(options, (response) => {
        read(response, silence).then(resolve, reject);
      });
      sent.on('error', reject);
      sent.on('close', () => clearTimeout(silence));
      sent.end(request.body === undefined ? undefined : JSON.stringify(request.body));
    });
  }

  #path(path: string): string {
    if (this.#namespace === undefined) return path;
    return `${path}${path.includes('?') ? '&' : '?'}ns=${encodeURIComponent(this.#namespace)}`;
  }
}

async function read(response: http.IncomingMessage, silence: NodeJS.Timeout): Promise<ConsulAnswer> {
  const start = performance.now();
  const parts: Buffer[] = [];
  for await (const part of response) {
    silence.refresh();
    parts.push(part);
  }
  return {
    status: response.statusCode ?? 0,
    index: Number(response.headers['x-consul-index'] ?? 0),
    text: Buffer.concat(parts).toString('utf8'),
    transfer: performance.now() - start,
  };
}

function reasonOf({ status, text }: ConsulAnswer): string {
  return status === 403 ? denied : `${status} ${text.trim()}`;
}
