import * as http from 'node:http';
import * as https from 'node:https';
import Consul from 'consul';
import * as z from 'zod';
import { messageOf } from '../../src/lib/errors.ts';
import { callTimeout, neverSent } from '../remote/backend.ts';
import type { StoreOptions } from '../remote/options.ts';
import { ServerList } from '../remote/server-list.ts';
import { addressOf, type Server, type StoreSpec } from '../remote/spec.ts';
import { StoreRefusal } from '../store.ts';
import { ConsulCall } from './call.ts';

export interface ConsulAnswer {
  readonly status: number;
  /** X-Consul-Index, for blocking queries; 0 when absent. */
  readonly index: number;
  readonly body: unknown;
  /** Milliseconds from the answer's first byte to its last. */
  readonly transfer: number;
}

/** Consul's own words differ between its calls, and name what is between its servers. */
export function isDenied(text: string): boolean {
  return /permission denied|ACL not found/i.test(text);
}

export function denial(): StoreRefusal {
  return new StoreRefusal('unauthorised', 'permission denied: check the token in --kv-store-opt');
}

export interface Limits {
  /** Milliseconds without a word; `callTimeout` when absent. */
  readonly silence?: number;
  readonly signal?: AbortSignal;
}

type Ask = (client: Consul, ctx: ConsulCall) => Promise<unknown>;

const responseSchema = z.object({
  statusCode: z.number(),
  headers: z.object({ 'x-consul-index': z.coerce.number().default(0) }),
});
/** Without data where there is none (404). */
const answerSchema = z.tuple([responseSchema], z.unknown());
const refusalSchema = z.object({ response: responseSchema.extend({ body: z.unknown() }) });

/** The servers of a store, by the `consul` package. */
export class ConsulClient {
  readonly #agent: http.Agent;
  readonly #servers: ServerList<Consul>;

  constructor(spec: StoreSpec, { tls, token, namespace }: StoreOptions) {
    const secure = tls !== undefined || spec.servers.some((server) => server.secure);
    const common = { keepAlive: true, maxSockets: 256 };
    this.#agent = secure
      ? new https.Agent({ ...common, ...(tls?.ca && { ca: tls.ca }), ...tls?.client })
      : new http.Agent(common);
    const headers = {
      ...(token !== undefined && { 'x-consul-token': token }),
      ...(namespace !== undefined && { 'x-consul-namespace': namespace }),
    };
    const open = (server: Server) => {
      const baseUrl = `${secure ? 'https' : 'http'}://${addressOf(server)}/v1`;
      return clientOf(server, { baseUrl, agent: this.#agent, headers });
    };
    this.#servers = new ServerList(spec.servers.map(open));
  }

  /**
   * Asks the server that answered last; when it cannot be reached at all, the others. Any other failure rejects, and
   * the next request goes to the next server.
   */
  ask(ask: Ask, limits: Limits = {}): Promise<ConsulAnswer> {
    const call = async (client: Consul) => {
      const answer = await answerOf(client, ask, limits);
      if (answer.status === 403) throw denial();
      if (answer.status >= 500) throw isDenied(reasonOf(answer)) ? denial() : new Error(reasonOf(answer));
      return answer;
    };
    return this.#servers.ask(call, neverSent);
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** What a person is told of an answer that says no. */
export function reasonOf({ status, body }: ConsulAnswer): string {
  return `${status} ${typeof body === 'string' ? body.trim() : JSON.stringify(body)}`;
}

function clientOf(server: Server, options: ConstructorParameters<typeof Consul>[0]): Consul {
  const client = new Consul(options);
  client._ext('onRequest', (request, next) => {
    const { transport, ctx } = request;
    // papi would look `[::1]` up as a name.
    const send = (given: http.RequestOptions) => transport.request({ ...given, hostname: server.host });
    request.transport = { request: (given) => ctx.watchOver(send(given)) };
    next();
  });
  return client;
}

/** Only the words of the client's errors are kept: the errors hold the request, and with it the token. */
async function answerOf(client: Consul, ask: Ask, { silence = callTimeout, signal }: Limits) {
  signal?.throwIfAborted();
  const call = new ConsulCall(silence);
  const cancel = () => call.emit('cancel');
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    const [response, body] = answerSchema.parse(await ask(client, call));
    return answerWith(response, body, call);
  } catch (error) {
    const { data } = refusalSchema.safeParse(error);
    if (data) return answerWith(data.response, data.response.body, call);
    throw new Error(messageOf(error).replaceAll(/consul: [\w.]+: /g, ''));
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

function answerWith(
  { statusCode, headers }: z.infer<typeof responseSchema>,
  body: unknown,
  call: ConsulCall,
) {
  return { status: statusCode, index: headers['x-consul-index'], body, transfer: call.transfer };
}
