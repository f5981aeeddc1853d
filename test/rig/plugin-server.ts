import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PluginDirectories } from '../../drivers/remote/discovery.ts';

/** What a plugin's handler answers with; `hang`: nothing, `drop`: the connection is closed. */
export type PluginAnswer =
  | { readonly status?: number; readonly text?: string; readonly json?: unknown }
  | 'hang'
  | 'drop';

export interface PluginCall {
  readonly method: string;
  /** Parsed; undefined for an empty one. */
  readonly body: unknown;
  readonly headers: http.IncomingHttpHeaders;
}

/** A directory for plugins, and servers in it that answer what the test says. */
export class PluginPlace implements AsyncDisposable {
  readonly #servers: (http.Server | https.Server)[] = [];

  private constructor(readonly root: string) {}

  static async create(): Promise<PluginPlace> {
    const place = new PluginPlace(await mkdtemp(join(tmpdir(), 'flt-plugin-')));
    for (const name of ['run', 'etc', 'usr']) await mkdir(join(place.root, name));
    return place;
  }

  get directories(): PluginDirectories {
    return { sockets: join(this.root, 'run'), files: [join(this.root, 'etc'), join(this.root, 'usr')] };
  }

  socket(name: string): string {
    return join(this.root, 'run', `${name}.sock`);
  }

  /** Serves on a socket path, or on a port of loopback (0: a free one). */
  async serve(
    answers: PluginAnswers,
    where: string | number,
    tls?: https.ServerOptions,
  ): Promise<RunningPlugin> {
    const plugin = new RunningPlugin(answers, tls);
    this.#servers.push(plugin.server);
    await plugin.listen(where);
    return plugin;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await rm(this.root, { recursive: true, force: true });
  }
}

/** By `Service.Method`; absent: `{}`. */
export type PluginAnswers = Record<string, PluginAnswer | ((body: unknown) => PluginAnswer)>;

export class RunningPlugin {
  readonly calls: PluginCall[] = [];
  readonly server: http.Server | https.Server;

  constructor(
    readonly answers: PluginAnswers,
    tls?: https.ServerOptions,
  ) {
    const listener: http.RequestListener = (request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      request.on('end', () => this.#answer(request, text, response));
    };
    this.server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  }

  get methods(): readonly string[] {
    return this.calls.map(({ method }) => method);
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  }

  async listen(where: string | number): Promise<void> {
    await new Promise<void>((resolve) => {
      if (typeof where === 'string') this.server.listen(where, resolve);
      else this.server.listen(where, '127.0.0.1', resolve);
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  #answer(request: http.IncomingMessage, text: string, response: http.ServerResponse): void {
    const method = (request.url ?? '').slice(1);
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    this.calls.push({ method, body, headers: request.headers });
    const said = this.answers[method] ?? { json: {} };
    const answer = typeof said === 'function' ? said(body) : said;
    if (answer === 'hang') return;
    if (answer === 'drop') {
      request.socket.destroy();
      return;
    }
    response.statusCode = answer.status ?? 200;
    response.end(answer.text ?? JSON.stringify(answer.json ?? {}));
  }
}
