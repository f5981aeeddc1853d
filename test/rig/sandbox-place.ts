import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { z } from 'zod';
import type { Container, ContainerSpec } from '../../src/container/container.ts';
import type { ExecSpec, LogOptions, OwnRuntime, ProcessStreams } from '../../src/container/runtime.ts';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import { containerFiles, containerSpec } from './container-spec.ts';
import { TestHost } from './namespace.ts';
import { openDataplane, openRuntime } from './sandbox-runtime.ts';
import { until } from './until.ts';

const shimSource = fileURLToPath(new URL('../../src/container/shim/main.ts', import.meta.url));

/** A data root and a host of its own, with sandbox runtimes on them, one at a time. */
export class SandboxPlace implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'flt-runtime-'));
  readonly directory = join(this.root, 'containers');
  readonly shim = join(this.root, 'shim.mjs');
  readonly host: TestHost;
  readonly dataplane: Dataplane;
  #runtime: OwnRuntime | undefined;
  #close = async () => {};

  private constructor(host: TestHost, dataplane: Dataplane) {
    this.host = host;
    this.dataplane = dataplane;
  }

  static async create(): Promise<SandboxPlace> {
    const host = await TestHost.create();
    const place = new SandboxPlace(host, await openDataplane(host.tag, host.path));
    const entryPoints = [shimSource];
    await build({
      entryPoints,
      outfile: place.shim,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
    });
    await place.reopen();
    return place;
  }

  get runtime(): OwnRuntime {
    if (!this.#runtime) throw new Error('no runtime is open');
    return this.#runtime;
  }

  /** `patience`: milliseconds that a shim has to answer. */
  async reopen(patience?: number): Promise<OwnRuntime> {
    await this.#close();
    const { runtime, close } = await openRuntime(this.root, this.shim, this.dataplane, patience);
    this.#runtime = runtime;
    this.#close = close;
    return runtime;
  }

  /** Lets another process own the runtime, has it start containers, and kills it the hard way. Returns their ids. */
  async ownedByAnotherThatIsKilled(
    owner: string,
    specs: readonly { readonly command: readonly string[]; readonly start: boolean }[],
  ): Promise<readonly string[]> {
    await this.#close();
    this.#close = async () => {};
    this.#runtime = undefined;
    const args = [owner, this.root, this.shim, this.host.tag, this.host.path, JSON.stringify(specs)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const gone = once(child, 'exit');
    const [line]: string[] = await once(createInterface(child.stdout), 'line');
    child.kill('SIGKILL');
    await gone;
    return z.array(z.string()).parse(JSON.parse(line ?? ''));
  }

  async run(spec: Partial<ContainerSpec> = {}): Promise<Container> {
    const { id } = await this.runtime.create(containerSpec(spec));
    await this.runtime.prepare(id);
    return this.runtime.start(id, containerFiles);
  }

  /** Runs a command to its end: its output and exit code. */
  async output(
    ...command: string[]
  ): Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number }> {
    return this.outputOf({ command });
  }

  async outputOf(spec: Partial<ContainerSpec>) {
    const { id } = await this.runtime.create(containerSpec(spec));
    await this.runtime.prepare(id);
    const streams = await this.runtime.attach(id);
    await this.runtime.start(id, containerFiles);
    const [stdout, stderr] = await readBoth(streams);
    return { stdout, stderr, code: await this.ended(id) };
  }

  async exec(id: string, command: readonly string[], change: Partial<ExecSpec> = {}) {
    const spec = { env: [], workingDir: '', user: '', tty: false, attachStdin: false };
    const process = await this.runtime.exec(id, { command, ...spec, ...change });
    const [stdout, stderr] = await readBoth(process);
    return { stdout, stderr, code: await process.exited };
  }

  async ended(id: string): Promise<number> {
    const state = () => this.runtime.get(id)?.state;
    return (await until('the container ends', state, (seen) => seen?.status === 'exited'))?.exitCode ?? -1;
  }

  /** Logged text of both streams, in order. */
  async logged(id: string, options: Partial<LogOptions> = {}): Promise<string> {
    let text = '';
    for await (const { data } of this.runtime.logs(id, { follow: false, ...options })) text += data;
    return text;
  }

  /** Host pids of every process in the sandbox's network namespace that is the container's. */
  processesIn(id: string): readonly number[] {
    const path = this.dataplane.sandboxPath(id);
    const inode = statSync(path, { throwIfNoEntry: false })?.ino;
    return allPids().filter((pid) => namespaceOf(pid) === `net:[${inode}]` && isOfContainer(pid));
  }

  killProcessesIn(id: string): void {
    // Stopped first: a shim that outlives its program by a moment would write down how that ended.
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
      for (const pid of this.processesIn(id)) {
        try {
          process.kill(pid, signal);
        } catch {
          // It died with one killed before.
        }
      }
    }
  }

  /** What of containers is on this machine beyond records: to be empty in the end. */
  async leftovers(): Promise<{
    sandboxes: readonly string[];
    processes: number[];
    mounts: string[];
    files: string[];
  }> {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    const about = (pid: number) => readOrEmpty(`/proc/${pid}/cmdline`).includes(this.root);
    return {
      sandboxes: await this.host.sandboxes(),
      processes: allPids().filter(about),
      mounts: mounts.filter((line) => line.includes(this.root)),
      files: existsSync(this.directory) ? readdirSync(this.directory) : [],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const runtime = this.#runtime ?? (await this.reopen());
    for (const { id } of [...runtime.list()].reverse()) {
      await runtime.stop(id, 0);
      await runtime.remove(id);
    }
    await this.#close();
    await this.host[Symbol.asyncDispose]();
    rmSync(this.root, { recursive: true, force: true });
  }
}

export const nothingLeft = { sandboxes: [], processes: [], mounts: [], files: [] };

export function readBoth({ stdout, stderr }: ProcessStreams): Promise<[string, string]> {
  return Promise.all([readAll(stdout), readAll(stderr)]);
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return '';
  }
}

/** Neither the data plane's own (ip-session.ts) nor one that is just ending, which has no command line any more. */
function isOfContainer(pid: number): boolean {
  const commandLine = readOrEmpty(`/proc/${pid}/cmdline`);
  return commandLine !== '' && !/-force.-batch/s.test(commandLine);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
