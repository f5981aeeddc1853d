import type Docker from 'dockerode';
import type { z } from 'zod/mini';
import { DaemonError } from '../failure.ts';
import type { Endpoint } from './connect.ts';
import { toFailure, unexpectedAnswer } from './failures.ts';

/** Parameters of a query string; lists become repeated keys, objects JSON. */
export type Query = Readonly<Record<string, unknown>>;

/** Any schema of zod/mini: the small build, for the CLI's start-up time. */
type Schema<T> = z.ZodMiniType<T>;

/** The calls that dockerode has no method for, and the one place that turns errors into Failures. */
export interface Client {
  readonly docker: Docker;
  readonly endpoint: Endpoint;
  /** Runs calls of dockerode. @throws Failure | DaemonError */
  ask<T>(call: (docker: Docker) => Promise<unknown>, schema: Schema<T>): Promise<T>;
  /** For calls without a result. */
  tell(call: (docker: Docker) => Promise<unknown>): Promise<void>;
  /** One request to a route that dockerode does not know. */
  request<T>(method: Method, path: string, options: RequestOptions, schema: Schema<T>): Promise<T>;
}

/** Gives the client of the daemon that the command line or the environment names. */
export type Connect = () => Promise<Client>;

export type Method = 'GET' | 'POST' | 'DELETE';

export interface RequestOptions {
  readonly query?: Query;
  readonly body?: Readonly<Record<string, unknown>>;
}

export function createClient(docker: Docker, endpoint: Endpoint): Client {
  const asked = async (call: (docker: Docker) => Promise<unknown>) => {
    try {
      return await call(docker);
    } catch (error) {
      throw toFailure(error, endpoint);
    }
  };
  return {
    docker,
    endpoint,
    ask: async (call, schema) => fitted(await asked(call), schema, endpoint),
    tell: async (call) => {
      try {
        await asked(call);
      } catch (error) {
        // 304: it is so already (stop of a stopped container), which the docker CLI takes for done.
        if (!(error instanceof DaemonError) || error.status !== 304) throw error;
      }
    },
    request: async (method, path, options, schema) =>
      fitted(await asked(() => dial(docker, method, path, options)), schema, endpoint),
  };
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
