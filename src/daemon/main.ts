import type { NodeLease } from '../cluster/node-lease.ts';
import type { RemoteDns } from '../dns/thread/remote-dns.ts';
import { formatHostAddress, type HostAddress, joinHostPort } from '../lib/host-address.ts';
import { createLogger } from '../lib/log.ts';
import { LogSink } from '../lib/log-sink.ts';
import { UndoStack } from '../lib/undo.ts';
import { version } from '../lib/version.ts';
import type { RunningModel } from '../network/create-model.ts';
import type { DaemonConfig } from './config.ts';
import { dnsOptions } from './dns-options.ts';
import type { Mode } from './mode.ts';
import type { Platform, StartableDns } from './platform.ts';
import { joinCluster } from './stages/join-cluster.ts';
import { openApi } from './stages/open-api.ts';
import { openHost } from './stages/open-host.ts';
import { openNetwork } from './stages/open-network.ts';
import { logKvStore, openStores } from './stages/open-stores.ts';
import { openTopology } from './stages/open-topology.ts';
import type { Start } from './stages/start.ts';

/** Of a daemon that is ready. */
interface Opened {
  /** What a person is told. */
  readonly greeting: readonly string[];
  /** Where it listens; the port is the real one where any would do. */
  readonly hosts: readonly HostAddress[];
  readonly model: RunningModel;
  readonly nodeLease: NodeLease;
  readonly dns: Pick<RemoteDns, 'status'>;
}

export interface RunningDaemon extends Opened {
  /** Lets go of everything in the reverse order; what fails is logged. */
  close(): Promise<void>;
}

/**
 * The composition root: opens everything in order, and closes what it opened when a step fails. `stop` is looked at
 * between steps: a step that has begun is ended first, so that all that it made is known.
 * @throws invalid | unavailable, in one line that says what to do; what `stop` was aborted with
 */
export async function startDaemon(
  config: DaemonConfig,
  platform: Platform,
  sink = new LogSink(2),
  stop = new AbortController().signal,
): Promise<RunningDaemon> {
  const log = createLogger(config.logLevel, sink);
  const opened = new UndoStack();
  const close = async () => {
    for (const failure of await opened.unwind()) log.error({ err: failure }, failure.message);
  };
  try {
    return { ...(await open({ config, platform, log, sink, stop, opened })), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The stages, in the order of their needs. */
async function open(start: Start): Promise<Opened> {
  const { stop } = start;
  const dns = openDns(start);
  const stores = await openStores(start);
  // Names are answered from here on, before anything of the kernel is looked at.
  await dns.start(stores.directory);
  stop.throwIfAborted();
  const nodeLease = await joinCluster(start, stores);
  logKvStore(stores, start);
  const topology = openTopology(start, stores);
  const host = await openHost(start, stores, nodeLease, dns);
  stop.throwIfAborted();
  const network = await openNetwork(start, { stores, nodeLease, host, dns });
  const hosts = await openApi(start, { stores, host, network, dns, topology });
  await network.gateways.settled();
  stop.throwIfAborted();
  const obstacles = await network.model.doctor.obstacles();
  for (const obstacle of obstacles) start.log.warn(obstacle);
  const greeting = await greetingOf(hosts, stores.mode, dns, obstacles);
  return { greeting, hosts, model: network.model, nodeLease, dns };
}

/** Closed last: it answers while the rest ends. */
function openDns({ config, platform, log, sink, opened }: Start): StartableDns {
  const dns = platform.dns({ log, logLevel: config.logLevel, sink, options: dnsOptions(config) });
  opened.push('dns', () => dns.close());
  return dns;
}

async function greetingOf(
  hosts: readonly HostAddress[],
  { kind, why }: Mode,
  dns: RemoteDns,
  obstacles: readonly string[],
): Promise<readonly string[]> {
  const { degraded, listeners } = await dns.status();
  const trouble = listeners.filter(({ state }) => state === 'degraded');
  return [
    `fairlead ${version}: ${kind} mode (${why})`,
    ...(degraded
      ? trouble.map(({ address, port, reason }) => `dns degraded: ${joinHostPort(address, port)}: ${reason}`)
      : []),
    ...obstacles.map((obstacle) => `warning: ${obstacle}`),
    `ready on ${hosts.map(formatHostAddress).join(', ')}`,
  ];
}
