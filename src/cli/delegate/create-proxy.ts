import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callEngine, type EngineAnswer } from '../../api/proxy/call.ts';
import { forward, forwardUpgrade } from '../../api/proxy/forward.ts';
import { messageOf } from '../../lib/errors.ts';
import { parseJson } from '../../lib/json.ts';

export interface CreateProxyPlan {
  /** Paths of their sockets. */
  readonly engine: string;
  readonly fairlead: string;
  /** `SERVICE[.NETWORK]`, of the container that is created. */
  readonly services: readonly string[];
  /** It only takes those that nobody has. */
  readonly standby: boolean;
}

/** What has become of the container that a client made through the proxy. */
export interface Made {
  readonly id: string;
  /** Ids of the services that were published for it. */
  readonly published: readonly string[];
  started: boolean;
}

/**
 * A socket that is the Engine's, but for two calls: what is created there publishes services, which Fairlead does
 * before the Engine can start it; and a ping is told the API version that both honour. So the real docker does all
 * that it can, with every flag it has; and the daemon is not between a terminal and its container.
 */
export class CreateProxy implements AsyncDisposable {
  #made: Made | undefined;

  private constructor(
    private readonly folder: string,
    private readonly server: ReturnType<typeof createServer>,
  ) {}

  /** Only this user can reach it. */
  static async start(plan: CreateProxyPlan): Promise<CreateProxy> {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-run-'));
    const server = createServer({ requestTimeout: 0 });
    const proxy = new CreateProxy(folder, server);
    server.on('request', (request, response) => void proxy.#serve(request, response, plan));
    server.on('upgrade', (request, client, head) => forwardUpgrade(request, client, head, plan.engine));
    await new Promise<void>((resolve) => server.listen(proxy.#path, resolve));
    return proxy;
  }

  /** For DOCKER_HOST. */
  get host(): string {
    return `unix://${this.#path}`;
  }

  get made(): Made | undefined {
    return this.#made;
  }

  get #path(): string {
    return join(this.folder, 'docker.sock');
  }

  async #serve(request: IncomingMessage, response: ServerResponse, plan: CreateProxyPlan): Promise<void> {
    const { method, url = '' } = request;
    if (method === 'POST' && /^(\/v[\d.]+)?\/containers\/create(\?|$)/.test(url)) {
      return await this.#create(request, response, plan);
    }
    // Its create is ours to read: a client that is newer than we are is to speak our version.
    if (/^(\/v[\d.]+)?\/_ping(\?|$)/.test(url)) return await forward(request, response, plan.fairlead);
    const [, started] = /^(?:\/v[\d.]+)?\/containers\/([^/?]+)\/start(?:\?|$)/.exec(url) ?? [];
    if (started !== undefined && started === this.#made?.id) this.#watchStart(this.#made, response);
    await forward(request, response, plan.engine);
  }

  #watchStart(made: Made, response: ServerResponse): void {
    response.once('finish', () => {
      if (response.statusCode < 400) made.started = true;
    });
  }

  async #create(request: IncomingMessage, response: ServerResponse, plan: CreateProxyPlan): Promise<void> {
    try {
      const body = withServices(parseJson(await textOf(request)), plan);
      const answer = await callEngine(plan.fairlead, 'POST', request.url ?? '', { body });
      this.#made = madeBy(answer) ?? this.#made;
      response.writeHead(answer.status, { 'Content-Type': 'application/json' }).end(answer.body);
    } catch (error) {
      const message = `Fairlead at unix://${plan.fairlead}: ${messageOf(error)}`;
      response.writeHead(503, { 'Content-Type': 'application/json' }).end(JSON.stringify({ message }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString();
}

function withServices(
  body: unknown,
  { services, standby }: Pick<CreateProxyPlan, 'services' | 'standby'>,
): string {
  const ours = { PublishService: services, ...(standby ? { Standby: true } : {}) };
  return JSON.stringify(services.length === 0 ? body : { ...Object(body), ...ours });
}

function madeBy({ status, headers, body }: EngineAnswer): Made | undefined {
  const answer: { readonly Id?: unknown } = Object(parseJson(body.toString()));
  if (status !== 201 || typeof answer.Id !== 'string') return undefined;
  const published = String(headers['fairlead-published'] ?? '').split(',');
  return { id: answer.Id, published: published.filter(Boolean), started: false };
}
