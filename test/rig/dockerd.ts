import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runToEnd } from './daemon.ts';
import { type EngineVersion, engineEnvironment, engineProgram, oracleVersion } from './engine-version.ts';
import { TestHost } from './namespace.ts';
import { serverCache, serverDirectory, TestServer } from './server.ts';

/** A Docker Engine with everything of its own, in a network namespace of its own. */
export interface Engine extends AsyncDisposable {
  readonly socketPath: string;
  readonly pid: number;
  /** For clients: `unix://…`. */
  readonly host: string;
  /** The namespace that its bridges are in. */
  readonly network: TestHost;
}

export interface EngineOptions {
  /** Absent: the oracle. */
  readonly version?: EngineVersion;
  /** Everything of it runs on this core; absent: on all. */
  readonly cpu?: number;
}

/**
 * Started in a mount namespace whose `/run/docker` is its own (plugins and sockets of the machine's Engine
 * are not to be found). It has one image, `busybox`. It writes everything below one temporary directory.
 */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const network = await TestHost.create();
  const directory = await serverDirectory('engine');
  const script = `${ownRunDocker}; exec "$@"`;
  const pinned = options.cpu === undefined ? [] : ['taskset', '-c', String(options.cpu)];
  const inside = ['unshare', '-m', 'sh', '-c', script, 'dockerd'];
  const server = await engineServer({
    directory,
    version: options.version ?? oracleVersion,
    enter: ['nsenter', `--net=${network.path}`, ...pinned, ...inside],
  });
  try {
    await server.start();
    await importBusybox(engineSocket(directory));
  } catch (error) {
    await server[Symbol.asyncDispose]();
    await network[Symbol.asyncDispose]();
    throw error;
  }
  return {
    socketPath: engineSocket(directory),
    pid: server.pid,
    host: `unix://${engineSocket(directory)}`,
    network,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
    },
  };
}

/** Shell commands for a mount namespace of one's own. containerd's shims have their sockets below /run, too. */
export const ownRunDocker =
  'mkdir -p /run/docker /run/containerd; mount -t tmpfs none /run/docker; mount -t tmpfs none /run/containerd';

export interface EnginePlan {
  readonly version: EngineVersion;
  /** Owned by the server. */
  readonly directory: string;
  /** The words before dockerd's own: what puts it where it is to run. */
  readonly enter: readonly string[];
  /** Its daemon.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Socket of a containerd that runs apart, as on hosts with systemd; absent: it starts its own. */
  readonly containerd?: string;
}

export function engineSocket(directory: string): string {
  return join(directory, 'docker.sock');
}

/** Not started yet; may be stopped and started. */
export async function engineServer({
  directory,
  version,
  enter,
  config = {},
  containerd,
}: EnginePlan): Promise<TestServer> {
  const [command = '', ...words] = enter;
  const configFile = join(directory, 'daemon.json');
  await writeFile(configFile, JSON.stringify(config));
  return new TestServer({
    command,
    args: [
      ...words,
      engineProgram(version, 'dockerd'),
      ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')],
      ...['--pidfile', join(directory, 'pid'), '-H', `unix://${engineSocket(directory)}`],
      ...['--storage-driver', 'vfs', '--config-file', configFile],
      ...(containerd === undefined ? [] : ['--containerd', containerd]),
    ],
    directory,
    env: await engineEnvironment(directory, version),
    ready: async () => (await curl(engineSocket(directory), '/_ping')) === 'OK',
    // It takes its containers and its containerd along.
    stopSignal: 'SIGTERM',
  });
}

/** A containerd for one Engine; with it the Engine may be killed, and containers go on. */
export async function containerdServer({ directory, version, enter }: EnginePlan): Promise<TestServer> {
  const [command = '', ...words] = enter;
  const configFile = join(directory, 'containerd.toml');
  await writeFile(configFile, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
  return new TestServer({
    command,
    args: [
      ...words,
      ...[engineProgram(version, 'containerd'), '--config', configFile],
      ...['--root', join(directory, 'containerd'), '--state', join(directory, 'containerd-state')],
      ...['--address', containerdSocket(directory)],
    ],
    directory,
    env: await engineEnvironment(directory, version),
    ready: async () => existsSync(containerdSocket(directory)),
    stopSignal: 'SIGTERM',
  });
}

export function containerdSocket(directory: string): string {
  return join(directory, 'containerd.sock');
}

async function curl(socketPath: string, path: string): Promise<string> {
  return (await runToEnd(['curl', '-s', '-m2', '--unix-socket', socketPath, `http://d${path}`])).stdout;
}

const applets = 'sh sleep cat echo true false hostname ip wget nc ping nslookup httpd';

/** No registry is asked: the image is one static program. */
export async function importBusybox(socketPath: string): Promise<void> {
  const root = await serverDirectory('busybox');
  try {
    const script = `
      set -e; cd ${root}; mkdir bin; cp ${join(serverCache, 'busybox-static/bin/busybox')} bin/
      for name in ${applets}; do ln -s busybox bin/$name; done
      tar -c . | curl -sf --unix-socket ${socketPath} -X POST -T - \
        'http://d/images/create?fromSrc=-&repo=busybox&tag=latest' >/dev/null`;
    const { code, stderr } = await runToEnd(['sh', '-c', script]);
    if (code !== 0) throw new Error(`docker import: ${stderr}`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
