import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CleanUp } from './clean-up.ts';
import { type HostCommand, writeCommands } from './host-commands.ts';
import { startDaemon, startStore } from './servers.ts';
import type { ChosenStore } from './stores.ts';
import { addressOf, layWires, wireDevice } from './wires.ts';

export interface ClusterOptions {
  /** The executable. */
  readonly fairlead: string;
  readonly hosts: number;
  readonly store: ChosenStore;
  /** As `--lease-ttl` takes it. */
  readonly leaseTtl: string;
  /** The user's PATH. */
  readonly path: string;
}

export interface Cluster {
  /** The folder of `h1`, `h2` …: for the PATH. */
  readonly commands: string;
  readonly hosts: readonly HostCommand[];
  /** As `--kv-store` takes it. */
  readonly storeUrl: string;
  close(): Promise<void>;
}

/** Hosts on one wire with a daemon each, and one more that has the KV store. @throws Failure; nothing is left then */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const name = `flp-${randomBytes(3).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-playground-'));
  const cleanUp = new CleanUp(name, folder);
  try {
    const hosts = hostsOf(name, folder, options.hosts);
    await layWires(name, options.hosts + 1);
    const storeUrl = await openStore(name, folder, options);
    await Promise.all(hosts.map((host) => openHost(host, storeUrl, folder, options)));
    const commands = join(folder, 'bin');
    await mkdir(commands, { mode: 0o755 });
    const bin = dirname(options.fairlead);
    await writeCommands(commands, { hosts, middle: `${name}-wire`, bin, path: options.path });
    return { commands, hosts, storeUrl, close: () => cleanUp.now() };
  } catch (error) {
    await cleanUp.now();
    throw error;
  }
}

function hostsOf(name: string, folder: string, count: number): readonly HostCommand[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `h${index + 1}`,
    namespace: `${name}-${index + 1}`,
    daemon: `unix://${join(folder, `h${index + 1}`, 'fairlead.sock')}`,
  }));
}

async function openStore(name: string, folder: string, { hosts, store }: ClusterOptions): Promise<string> {
  const address = addressOf(hosts + 1);
  await startStore(`${name}-${hosts + 1}`, store.argv(address, folder), { address, port: store.port });
  return `${store.name}:${address}:${store.port}`;
}

async function openHost(
  { name, namespace, daemon }: HostCommand,
  storeUrl: string,
  folder: string,
  { fairlead, leaseTtl }: ClusterOptions,
): Promise<void> {
  const dataRoot = join(folder, name);
  await startDaemon(namespace, [
    ...[process.execPath, fairlead, 'daemon', '--data-root', dataRoot, '--host', daemon],
    ...['--dataplane', 'linux', '--engine', 'none', '--node-name', name, '--advertise', wireDevice],
    ...['--kv-store', storeUrl, '--lease-ttl', leaseTtl, '--log-level', 'error'],
  ]);
}
