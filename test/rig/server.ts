import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where test/rig/packages.sh unpacks servers. */
export const serverCache = process.env.FAIRLEAD_TEST_CACHE ?? join(homedir(), '.cache/fairlead-test');

export interface ServerPlan {
  readonly command: string;
  readonly args: readonly string[];
  /** Owned by the server from now on, removed at its end. What it stores is in `data` below it. */
  readonly directory: string;
  /** Resolves to true when it serves. */
  readonly ready: () => Promise<boolean>;
  /** Absent: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds that a start may take; absent: a minute. */
  readonly patience?: number;
  /** At the end; absent: SIGKILL. For a server with children of its own. */
  readonly stopSignal?: NodeJS.Signals;
}

/** A real server that a test starts, on loopback, and ends by its pid; also to be stopped and started between. */
export class TestServer implements AsyncDisposable {
  readonly #plan: ServerPlan;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(plan: ServerPlan) {
    this.#plan = plan;
  }

  get directory(): string {
    return this.#plan.directory;
  }

  /** 0 before the first start. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const { command, args, env = process.env, patience = 60_000 } = this.#plan;
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => this.#keep(String(data)));
    let failure: Error | undefined;
    child.once('error', (error) => {
      failure = error;
    });
    const deadline = performance.now() + patience;
    while (!(await this.#plan.ready().catch(() => false))) {
      const alive = child.exitCode === null && failure === undefined;
      assert.ok(
        alive && performance.now() < deadline,
        `${command} does not serve: ${failure ?? this.#output}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** SIGKILL by default: what it promised must survive that. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }

  /** Freezes it: connections stay, nothing is answered. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Forgets all that it has stored; only while it is stopped. */
  async wipe(): Promise<void> {
    await rm(join(this.#plan.directory, 'data'), { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(this.#plan.stopSignal);
    await rm(this.#plan.directory, { recursive: true, force: true });
  }

  #keep(text: string): void {
    this.#output = (this.#output + text).slice(-4000);
  }
}

export function serverDirectory(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `flt-${name}-`));
}

/**
 * Below those that the kernel gives to connections (ip_local_port_range): a test beside this one must not be given one
 * before its server has it.
 */
const serverPorts = { from: 20_000, to: 32_000 };

/** Ports that were free a moment ago, all different. */
export async function freePorts<const N extends number>(count: N): Promise<number[] & { length: N }> {
  const servers = new Map<number, Server>();
  while (servers.size < count) {
    const port = randomInt(serverPorts.from, serverPorts.to);
    const server = await listening(port);
    if (server) servers.set(port, server);
  }
  await Promise.all([...servers.values()].map((server) => new Promise((resolve) => server.close(resolve))));
  return Object.assign([...servers.keys()], { length: count });
}

/** Undefined when something else listens there. */
function listening(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
