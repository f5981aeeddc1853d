import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { fairlead } from '../../src/cli/fairlead.ts';
import type { Shell } from '../../src/cli/shell.ts';

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly program?: string;
  readonly host?: string;
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Of the terminal that stdout and stderr are; absent: they are none. */
  readonly columns?: number;
}

/** A shell that keeps what is written. */
export function testShell({ program = 'docker', host = '', stdin = '', env = {}, columns }: CliOptions = {}) {
  const written = { stdout: '', stderr: '' };
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  const keep = (name: 'stdout' | 'stderr') => {
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        written[name] += chunk;
        done();
      },
    });
    return Object.assign(stream, terminal);
  };
  const shell: Shell = {
    program,
    env: { FAIRLEAD_HOST: host, ...env },
    uid: 1000,
    stdin: stdin === '' ? new PassThrough().end() : Readable.from([stdin]),
    stdout: keep('stdout'),
    stderr: keep('stderr'),
  };
  return { shell, written };
}

/** Runs one command line of the CLI in this process. */
export async function runCli(argv: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const { shell, written } = testShell(options);
  const loadDaemon = async () => (await import('../../src/daemon/command.ts')).daemon;
  const loadFake = async () => (await import('../../src/testing/command.ts')).fake;
  const code = await fairlead(argv, shell, { loadDaemon, loadFake });
  return { code, ...written };
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
}

type Answer = { readonly status?: number; readonly json?: unknown; readonly text?: string };

/** A daemon that answers what the test says, and remembers what it was asked. */
export class FakeDaemon implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly answers = new Map<string, Answer>();
  readonly #server: http.Server;

  private constructor(readonly folder: string) {
    this.#server = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk;
      });
      request.on('end', () => this.#answer(request, body, response));
    });
  }

  static async start(): Promise<FakeDaemon> {
    const daemon = new FakeDaemon(await mkdtemp(join(tmpdir(), 'flt-cli-')));
    await new Promise<void>((resolve) => {
      daemon.#server.listen(join(daemon.folder, 'd.sock'), resolve);
    });
    return daemon;
  }

  get host(): string {
    return `unix://${join(this.folder, 'd.sock')}`;
  }

  /** `on('GET /networks', …)`: for the path without its query. */
  on(call: string, answer: Answer): this {
    this.answers.set(call, answer);
    return this;
  }

  run(...argv: readonly string[]): Promise<CliRun> {
    return runCli(argv, { host: this.host });
  }

  #answer(request: http.IncomingMessage, body: string, response: http.ServerResponse): void {
    const { method = '', url = '' } = request;
    this.asked.push({ method, url, body: body === '' ? undefined : JSON.parse(body) });
    const {
      status = 200,
      json,
      text,
    } = this.answers.get(`${method} ${url.split('?')[0]}`) ?? {
      status: 404,
      json: { message: `no answer for ${method} ${url}` },
    };
    response.statusCode = status;
    response.end(text ?? (json === undefined ? '' : JSON.stringify(json)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }
}
