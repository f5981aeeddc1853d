import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runToEnd } from './daemon.ts';
import { TestHost } from './namespace.ts';
import { serverCache, serverDirectory, TestServer } from './server.ts';

const unpacked = (path: string) => join(serverCache, path);

/** A Docker Engine 20.10 with everything of its own, in a network namespace of its own. */
export interface Engine extends AsyncDisposable {
  readonly socketPath: string;
  readonly pid: number;
  /** For clients: `unix://…`. */
  readonly host: string;
  /** The namespace that its bridges are in. */
  readonly network: TestHost;
}

export interface EngineOptions {
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
  const socketPath = join(directory, 'docker.sock');
  const host = `unix://${socketPath}`;
  const words = [
    unpacked('docker.io/usr/sbin/dockerd'),
    ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')],
    ...['--pidfile', join(directory, 'pid'), '-H', host],
    ...['--storage-driver', 'vfs', '--config-file', join(directory, 'daemon.json')],
  ];
  await writeFile(join(directory, 'daemon.json'), '{}');
  const script = 'mkdir -p /run/docker; mount -t tmpfs none /run/docker; exec "$@"';
  const pinned = options.cpu === undefined ? [] : ['taskset', '-c', String(options.cpu)];
  const server = new TestServer({
    command: 'nsenter',
    args: [`--net=${network.path}`, ...pinned, 'unshare', '-m', 'sh', '-c', script, 'dockerd', ...words],
    directory,
    env: await environment(directory),
    ready: async () => (await curl(socketPath, '/_ping')) === 'OK',
    // It takes its containers and its containerd along.
    stopSignal: 'SIGTERM',
  });
  try {
    await server.start();
    await importBusybox(host);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    await network[Symbol.asyncDispose]();
    throw error;
  }
  return {
    socketPath,
    pid: server.pid,
    host,
    network,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await network[Symbol.asyncDispose]();
    },
  };
}

/** The unpacked programs under the names that dockerd looks for. */
async function environment(directory: string): Promise<NodeJS.ProcessEnv> {
  const bin = join(directory, 'bin');
  await mkdir(bin, { recursive: true });
  const multi = unpacked('iptables/usr/sbin/xtables-nft-multi');
  for (const name of ['iptables', 'ip6tables', 'iptables-save', 'iptables-restore']) {
    await symlink(multi, join(bin, name));
  }
  const folders = [
    bin,
    unpacked('docker.io/usr/sbin'),
    unpacked('docker.io/usr/bin'),
    unpacked('containerd/usr/bin'),
    unpacked('runc/usr/sbin'),
  ];
  return {
    ...process.env,
    PATH: `${folders.join(':')}:/usr/sbin:/usr/bin:/sbin:/bin`,
    XTABLES_LIBDIR: unpacked('iptables/usr/lib/x86_64-linux-gnu/xtables'),
    TMPDIR: directory,
  };
}

async function curl(socketPath: string, path: string): Promise<string> {
  return (await runToEnd(['curl', '-s', '-m2', '--unix-socket', socketPath, `http://d${path}`])).stdout;
}

/** No registry is asked: the image is one static program. */
async function importBusybox(host: string): Promise<void> {
  const root = await serverDirectory('busybox');
  try {
    const script = `
      set -e; cd ${root}; mkdir bin; cp ${unpacked('busybox-static/bin/busybox')} bin/
      for name in sh sleep cat echo true false hostname ip wget nc ping; do ln -s busybox bin/$name; done
      tar -c . | curl -sf --unix-socket ${host.slice('unix://'.length)} -X POST -T - \
        'http://d/images/create?fromSrc=-&repo=busybox&tag=latest' >/dev/null`;
    const { code, stderr } = await runToEnd(['sh', '-c', script]);
    if (code !== 0) throw new Error(`docker import: ${stderr}`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
