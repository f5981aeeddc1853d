import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { patience } from './patience.ts';

const bin = fileURLToPath(new URL('../../dist/bin', import.meta.url));
/** On a machine that many tests share. */
const startMs = 60_000 * patience;

export interface DaemonOptions {
  /** Path of the network namespace that plays the host; absent: this process's own. */
  readonly namespace?: string;
  /** Instead: the words that put a program into the host. */
  readonly enter?: readonly string[];
  /** Instead of `fairlead daemon`: the words that start it; the data root is added. */
  readonly program?: (dataRoot: string) => readonly string[];
  /** Of Node itself. */
  readonly nodeFlags?: readonly string[];
  /** Further flags of `fairlead daemon`. */
  readonly flags?: readonly string[];
  /** The daemon's PATH; absent: the test's. */
  readonly path?: string;
  /** Further variables of the daemon's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Runs as this user (uid = gid); absent: as the test's. */
  readonly uid?: number;
  /** Absent: a new temporary one, removed at the end. */
  readonly dataRoot?: string;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A real daemon from dist/, in a data root and on a socket of its own. */
export class TestDaemon implements AsyncDisposable {
  #process: ChildProcess | undefined;
  #output = '';

  private constructor(
    readonly dataRoot: string,
    private readonly options: DaemonOptions,
  ) {}

  static async start(options: DaemonOptions = {}): Promise<TestDaemon> {
    const dataRoot = options.dataRoot ?? (await mkdtemp(join(tmpdir(), 'fairlead-test-')));
    const daemon = new TestDaemon(dataRoot, options);
    if (options.uid !== undefined) await daemon.#own(options.uid);
    try {
      await daemon.start();
    } catch (error) {
      await daemon.kill();
      if (options.dataRoot === undefined) await rm(dataRoot, { recursive: true, force: true });
      throw error;
    }
    return daemon;
  }

  get host(): string {
    return `unix://${this.dataRoot}/fairlead.sock`;
  }

  /** Everything it has printed, log included. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Resolves when it says that it is ready; rejects with its output when it ends before. `more`: flags for this once. */
  async start(...more: readonly string[]): Promise<void> {
    const { flags = [], nodeFlags = [], uid, path, env } = this.options;
    const usual = [
      join(bin, 'fairlead'),
      'daemon',
      '--data-root',
      this.dataRoot,
      '-H',
      this.host,
      ...flags,
      ...more,
    ];
    const words = [process.execPath, ...nodeFlags, ...(this.options.program?.(this.dataRoot) ?? usual)];
    const [program = '', ...args] = this.#enter(words);
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
      env: { ...cleanEnvironment(), ...(path === undefined ? {} : { PATH: path }), ...env },
    });
    this.#process = child;
    this.#output = '';
    const ready = new Promise<void>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`not ready after ${startMs} ms:\n${this.#output}`)),
        startMs,
      );
      const read = (chunk: Buffer) => {
        this.#output += chunk;
        if (/^ready on /m.test(this.#output)) resolve();
      };
      child.stdout?.on('data', read);
      child.stderr?.on('data', read);
      child.once('exit', (code) => reject(new Error(`the daemon ended with ${code}:\n${this.#output}`)));
      child.once('error', reject);
      child.once('exit', () => clearTimeout(late));
      child.stdout?.once('close', () => clearTimeout(late));
    });
    await ready;
  }

  /** Runs `fairlead`, `docker` or `dokku` of dist/ against it. */
  async run(program: 'fairlead' | 'docker' | 'dokku', ...args: readonly string[]): Promise<Ran> {
    const env = { ...cleanEnvironment(), FAIRLEAD_HOST: this.host };
    return await runToEnd([process.execPath, join(bin, program), ...args], env);
  }

  /** The same, for commands that must succeed: standard output without the final newline. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run('fairlead', ...args);
    if (code !== 0) throw new Error(`fairlead ${args.join(' ')}: exit ${code}: ${stderr}${stdout}`);
    return stdout.replace(/\n$/, '');
  }

  /** A program in the daemon's host namespace. */
  async inHost(...words: readonly string[]): Promise<Ran> {
    return await runToEnd(this.#enter(words), cleanEnvironment());
  }

  /** One call of the API. `body` is sent as JSON; rejects when the daemon ends before it has answered. */
  async call(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const payload = body === undefined ? '' : JSON.stringify(body);
    return await new Promise((resolve, reject) => {
      const socketPath = this.host.slice('unix://'.length);
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
      const request = http.request({ socketPath, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk;
        });
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.once('error', reject);
      });
      request.once('error', reject);
      request.end(payload);
    });
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await new Promise((resolve) => child.once('exit', resolve));
  }

  /** Removes every container, then stops the daemon and removes its data root. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process && this.#process.exitCode === null) {
      const { stdout } = await this.run('fairlead', 'ps', '-aq');
      const ids = stdout.split('\n').filter((id) => id !== '');
      if (ids.length > 0) await this.run('fairlead', 'rm', '-f', ...ids);
    }
    await this.kill('SIGTERM');
    await rm(this.dataRoot, { recursive: true, force: true });
  }

  #enter(words: readonly string[]): readonly string[] {
    const { namespace, enter } = this.options;
    return [...(enter ?? (namespace ? ['nsenter', `--net=${namespace}`] : [])), ...words];
  }

  async #own(uid: number): Promise<void> {
    const { chown } = await import('node:fs/promises');
    await chown(this.dataRoot, uid, uid);
  }
}

/** NODE_EXTRA_CA_CERTS makes every start of Node slower by a tenth of a second. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, FAIRLEAD_HOST: __, ...env } = process.env;
  return env;
}

export function runToEnd(
  words: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  input = '',
): Promise<Ran> {
  const [program = '', ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
