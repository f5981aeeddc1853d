import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { Network } from '../../src/cluster/records.ts';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import { freePorts } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { type DnsServer, serverCpu } from './dns-servers.ts';

/** A daemon of the simulated mode, with the names of its networks on loopback. */
export class ScaleNode implements AsyncDisposable {
  private constructor(
    readonly daemon: TestDaemon,
    private readonly dnsPort: number,
  ) {}

  static async start(storeUrl: string): Promise<ScaleNode> {
    const [dnsPort = 0] = await freePorts(1);
    const flags = [
      '--dataplane',
      'simulated',
      '--dns-listen',
      `127.0.0.1:${dnsPort}`,
      '--kv-store',
      storeUrl,
    ];
    return new ScaleNode(await TestDaemon.start({ flags }), dnsPort);
  }

  /** One container on each: the node then follows them all. */
  async joinAll(networks: readonly Network[]): Promise<void> {
    for (const { name } of networks) {
      const body = { Image: 'x', HostConfig: { NetworkMode: name } };
      await this.#post(`/containers/create?name=on-${name}`, body);
      await this.#post(`/containers/on-${name}/start`);
    }
  }

  /** Resolves when DNS has an address for `NAME.NETWORK`. */
  async knows(name: string): Promise<void> {
    const dig = ['dig', '+short', '+time=1', '+tries=1', '-p', String(this.dnsPort), '@127.0.0.1', name];
    await until(`${name} has an address`, async () => (await runToEnd(dig)).stdout.trim(), Boolean, 60_000);
  }

  /** Megabytes that are resident. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${this.daemon.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
  }

  /** Milliseconds of a command line that prints a header and so many rows at least. */
  async timed(words: readonly string[], rows: number): Promise<number> {
    const start = performance.now();
    const printed = await this.daemon.ok(...words);
    const taken = performance.now() - start;
    const lines = printed.split('\n').length;
    if (lines <= rows) throw new Error(`${words.join(' ')}: ${lines} lines, and not ${rows} and a header`);
    return taken;
  }

  /** Runs the work with the daemon on one core. */
  async onOneCore<T>(work: (server: DnsServer) => Promise<T>): Promise<T> {
    await this.#pin(String(serverCpu));
    try {
      const where = { namespace: '/proc/self/ns/net', address: '127.0.0.1', port: this.dnsPort };
      return await work({ ...where, asker: '127.0.0.1', pid: this.daemon.pid, stop: async () => {} });
    } finally {
      await this.#pin(`0-${cpus().length - 1}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.kill('SIGKILL');
    await this.daemon[Symbol.asyncDispose]();
  }

  async #pin(cores: string): Promise<void> {
    const { code, stderr } = await runToEnd(['taskset', '-a', '-c', '-p', cores, String(this.daemon.pid)]);
    if (code !== 0) throw new Error(`taskset: ${stderr}`);
  }

  async #post(path: string, body?: unknown): Promise<void> {
    const { status, text } = await this.daemon.call('POST', path, body);
    if (status >= 400) throw new Error(`POST ${path}: ${status} ${text}`);
  }
}
