import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, type Ran, runToEnd, TestDaemon } from './daemon.ts';
import {
  containerdServer,
  containerdSocket,
  engineServer,
  engineSocket,
  importBusybox,
  ownRunDocker,
} from './dockerd.ts';
import { type EngineVersion, engineEnvironment, oracleVersion } from './engine-version.ts';
import type { TestHost } from './namespace.ts';
import type { Reaper } from './reaper.ts';
import { serverDirectory, type TestServer } from './server.ts';
import { until } from './until.ts';

const bin = fileURLToPath(new URL('../../dist/bin', import.meta.url));

export interface EngineHostPlan {
  /** Its network namespace. */
  readonly network: TestHost;
  readonly name: string;
  /** Absent: the oracle. */
  readonly version?: EngineVersion;
  /** Of the daemon, beside those that name its Engine, its data root and its socket. */
  readonly flags: readonly string[];
  /** Members of the Engine's daemon.json. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly reaper: Reaper;
}

/**
 * A host with a Docker Engine and a Fairlead daemon, which share `/run/docker` (so that plugins are found) and
 * can each be stopped and started alone. What it runs, its reaper ends.
 */
export class EngineHost {
  #daemon: TestDaemon | undefined;

  private constructor(
    readonly name: string,
    readonly network: TestHost,
    /** dockerd; containers go on running while it is stopped (live-restore). */
    readonly engine: TestServer,
    private readonly plan: EngineHostPlan,
    private readonly enter: readonly string[],
  ) {}

  /** With the Engine running and no daemon yet. */
  static async create(plan: EngineHostPlan): Promise<EngineHost> {
    const { network, name, version = oracleVersion, reaper } = plan;
    const holder = await holdNamespaces(network, name);
    const directory = await serverDirectory(name);
    reaper.directory(directory);
    // Containers are in namespaces of their own: their cgroup is what they are found by.
    const cgroup = basename(directory);
    reaper.cgroup(cgroup);
    const enter = ['nsenter', `--target=${holder.pid}`, '--mount', '--uts', '--net'];
    const config = {
      'live-restore': true,
      'cgroup-parent': cgroup,
      'exec-opts': ['native.cgroupdriver=cgroupfs'],
      ...plan.config,
    };
    await (await containerdServer({ directory, version, enter })).start();
    const containerd = containerdSocket(directory);
    const engine = await engineServer({ directory, version, enter, config, containerd });
    await engine.start();
    await importBusybox(engineSocket(directory));
    return new EngineHost(name, network, engine, plan, enter);
  }

  get daemon(): TestDaemon {
    if (!this.#daemon) throw new Error(`no daemon has been started on ${this.name}`);
    return this.#daemon;
  }

  /** `unix://…` of the Engine. */
  get dockerHost(): string {
    return `unix://${engineSocket(this.engine.directory)}`;
  }

  /** The daemon's first start; later ones are `daemon.start()`. */
  async startDaemon(): Promise<void> {
    const dataRoot = await mkdtemp(join(tmpdir(), `flt-${this.name}-`));
    this.plan.reaper.dataRoot(dataRoot);
    const { PATH = '', XTABLES_LIBDIR } = await engineEnvironment(this.engine.directory, this.plan.version);
    this.#daemon = await TestDaemon.start({
      enter: this.enter,
      dataRoot,
      path: PATH,
      env: { XTABLES_LIBDIR },
      flags: ['--engine', this.dockerHost, '--node-name', this.name, ...this.plan.flags],
    });
  }

  /** The real docker at the Engine. */
  async docker(...words: readonly string[]): Promise<Ran> {
    return await this.dockerAt(this.dockerHost, ...words);
  }

  /** The same at another socket. */
  async dockerAt(socket: string, ...words: readonly string[]): Promise<Ran> {
    return await runToEnd(['docker', '-H', socket, ...words], cleanEnvironment());
  }

  /** The drop-in, with the real docker behind it on the PATH. */
  async dropIn(...words: readonly string[]): Promise<Ran> {
    return await this.dropInWith('', ...words);
  }

  /** The same with something to read. */
  async dropInWith(input: string, ...words: readonly string[]): Promise<Ran> {
    const env = {
      ...cleanEnvironment(),
      PATH: `${bin}:${process.env.PATH}`,
      DOCKER_HOST: this.dockerHost,
      FAIRLEAD_HOST: this.daemon.host,
    };
    return await runToEnd([process.execPath, join(bin, 'docker'), ...words], env, input);
  }

  /** The same two for commands that must succeed: standard output without the final newline. */
  async dockerOk(...words: readonly string[]): Promise<string> {
    return outputOf(words, await this.docker(...words));
  }

  async dropInOk(...words: readonly string[]): Promise<string> {
    return outputOf(words, await this.dropIn(...words));
  }

  /** A program in the host. */
  async run(...words: readonly string[]): Promise<Ran> {
    return await runToEnd([...this.enter, ...words], cleanEnvironment());
  }

  /** Of the host's packet filter, by the Engine's own program. */
  async iptables(...words: readonly string[]): Promise<string> {
    const { PATH = '', XTABLES_LIBDIR = '' } = await engineEnvironment(
      this.engine.directory,
      this.plan.version,
    );
    const environment = ['env', `PATH=${PATH}`, `XTABLES_LIBDIR=${XTABLES_LIBDIR}`];
    const { code, stdout, stderr } = await this.run(...environment, 'iptables', '-w', ...words);
    if (code !== 0) throw new Error(`iptables ${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Path of the network namespace that a running container is in. */
  async namespaceOf(container: string): Promise<string> {
    return `/proc/${await this.dockerOk('inspect', '-f', '{{.State.Pid}}', container)}/ns/net`;
  }
}

function outputOf(words: readonly string[], { code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(`docker ${words.join(' ')}: exit ${code}: ${stderr}${stdout}`);
  return stdout.replace(/\n$/, '');
}

/** A process that does nothing but have the host's namespaces, so that they outlive Engine and daemon. */
async function holdNamespaces(network: TestHost, name: string): Promise<ChildProcess> {
  const script = `${ownRunDocker}; hostname "$1"; echo ready; exec sleep infinity`;
  const words = [`--net=${network.path}`, 'unshare', '-m', '-u', 'sh', '-c', script, 'sh', name];
  const holder = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  holder.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  await Promise.race([
    until(`${name} has namespaces`, () => said.includes('ready')),
    once(holder, 'exit').then(() => Promise.reject(new Error(`${name}: no namespaces: ${said}`))),
  ]);
  return holder;
}
