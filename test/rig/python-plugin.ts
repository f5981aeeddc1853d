import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const script = fileURLToPath(new URL('./plugin.py', import.meta.url));
const calls = z.array(z.object({ method: z.string(), request: z.unknown() }));

/** test/rig/plugin.py, in a directory and a network namespace of a test's choice. */
export class PythonPlugin implements AsyncDisposable {
  #process: ChildProcess | undefined;

  private constructor(
    /** For the daemon's --plugin-dir. */
    readonly directory: string,
    readonly name: string,
    private readonly namespace: string,
  ) {}

  /** @param namespace a path */
  static async start(name: string, namespace: string, ...options: readonly string[]): Promise<PythonPlugin> {
    const directory = await mkdtemp(join(tmpdir(), 'flt-plugins-'));
    const plugin = new PythonPlugin(directory, name, namespace);
    await plugin.start(...options);
    return plugin;
  }

  async start(...options: readonly string[]): Promise<void> {
    const words = ['--socket', join(this.directory, `${this.name}.sock`), '--log', this.#log, ...options];
    const child = spawn('nsenter', [`--net=${this.namespace}`, 'python3', script, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`the plugin ended with ${code}`)));
      child.once('error', reject);
    });
  }

  get stateFile(): string {
    return join(this.directory, 'state');
  }

  /** SIGKILL: its socket stays behind, and nobody listens. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** What it was asked since `since` calls. */
  async calls(since = 0) {
    const text = await readFile(this.#log, 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => line !== '');
    return calls.parse(lines.map((line) => JSON.parse(line))).slice(since);
  }

  async methods(since = 0): Promise<readonly string[]> {
    return (await this.calls(since)).map(({ method }) => method);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  get #log(): string {
    return join(this.directory, 'calls.jsonl');
  }
}
