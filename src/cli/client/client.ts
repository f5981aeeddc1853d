import type Docker from 'dockerode';
import type { z } from 'zod/mini';
import { DaemonError } from '../failure.ts';
import type { Endpoint } from './endpoint.ts';
import { toFailure, unexpectedAnswer } from './failures.ts';

/** Parameters of a query string; lists become repeated keys, objects JSON. */
export type Query = Readonly<Record<string, unknown>>;

/** Any schema of zod/mini: the small build, for the CLI's start-up time. */
type Schema<T> = z.ZodMiniType<T>;

/** What a call goes through. */
interface Opened {
  readonly docker: Docker;
  readonly endpoint: Endpoint;
}

/**
 * The calls that dockerode has no method for, and the one place that turns errors into Failures. The first call, or
 * `open`, loads the client library; a command line has one client.
 */
export class Client {
  #opened: Promise<Opened> | undefined;

  /** `choose` names the daemon. */
  constructor(private readonly choose: () => Endpoint) {}

  /** Nothing is sent yet. @throws Failure when nothing may be sent there */
  open(): Promise<Opened> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #answer(call: (docker: Docker) => Promise<unknown>): Promise<unknown> {
    const { docker, endpoint } = await this.open();
    try {
      return await call(docker);
    } catch (error) {
      throw toFailure(error, endpoint);
    }
  }

  async #open(): Promise<Opened> {
    const endpoint = this.choose();
    const { openDocker } = await import('./open.ts');
    return { docker: await openDocker(endpoint), endpoint };
  }

  /** Runs calls of dockerode. @throws Failure | DaemonError */
  async ask<T>(call: (docker: Docker) => Promise<unknown>, schema: Schema<T>): Promise<T> {
    return fitted(await this.#answer(call), schema, (await this.open()).endpoint);
  }

  /** For calls without a result. */
  async tell(call: (docker: Docker) => Promise<unknown>): Promise<void> {
    try {
      await this.#answer(call);
    } catch (error) {
      // 304: it is so already (stop of a stopped container), which the docker CLI takes for done.
      if (!(error instanceof DaemonError) || error.status !== 304) throw error;
    }
  }

  /** One request to a route that dockerode does not know. */
  async request<T>(method: Method, path: string, options: RequestOptions, schema: Schema<T>): Promise<T> {
    return await this.ask((docker) => dial(docker, method, path, options), schema);
  }
}

export type Method = 'GET' | 'POST' | 'DELETE';

export interface RequestOptions {
  readonly query?: Query;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** @throws Failure when the answer does not fit the API */
function fitted<T>(answer: unknown, schema: Schema<T>, endpoint: Endpoint): T {
  const parsed = schema.safeParse(answer);
  if (!parsed.success) throw unexpectedAnswer(parsed.error.issues, endpoint);
  return parsed.data;
}

/** Every 2xx is success; dockerode's transport wants each named. */
const success = { 200: true, 201: true, 202: true, 204: true };

function dial(
  docker: Docker,
  method: Method,
  path: string,
  { query, body }: RequestOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        method,
        path: query && Object.keys(query).length > 0 ? `${path}?` : path,
        // An empty `_body` is what makes the transport send none.
        options: { _query: query ?? {}, _body: body ?? {} },
        statusCodes: success,
      },
      (error: unknown, result: unknown) => (error ? reject(error) : resolve(decoded(result))),
    );
  });
}

/** The transport hands out bytes where the body is empty, `null` or text. */
function decoded(result: unknown): unknown {
  if (!Buffer.isBuffer(result)) return result;
  const text = result.toString();
  const word = text.trim();
  if (word === '') return undefined;
  return word === 'null' ? null : text;
}
