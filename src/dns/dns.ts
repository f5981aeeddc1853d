import { joinHostPort } from '../lib/host-address.ts';
import type { Logger } from '../lib/log.ts';
import { limitsOf } from './askers/limits.ts';
import { parseServer, type Upstream } from './askers/resolv-conf.ts';
import { Shares } from './askers/shares.ts';
import { Views } from './askers/views.ts';
import { Forwarder } from './forward/forwarder.ts';
import { UpstreamHealth } from './forward/upstream-health.ts';
import { Upstreams } from './forward/upstreams.ts';
import { type ListenAddress, type ListenerStatus, Listeners } from './listeners/listeners.ts';
import { type ListenerKind, QueryHandler } from './listeners/query-handler.ts';
import { TcpConnections } from './listeners/tcp-connections.ts';
import { type Lookup, lookupIn } from './lookup-as.ts';
import { Counters, type DnsMetrics } from './metrics.ts';
import { type DnsDump, dumpTable, type Resync, resync } from './names/dump.ts';
import { type NameSource, NameTable } from './names/name-table.ts';
import type { Transport } from './wire/answer.ts';

export interface Dns {
  /** Opens the host's listener. Resolves when it was tried; a failure shows in `status`. */
  start(): Promise<void>;
  /**
   * Makes these the networks' listeners, on port 53: opens what is new, closes what is gone. Resolves when
   * each was tried once; never rejects, since DNS must not keep a container from starting.
   */
  ensureListeners(gateways: readonly Gateway[]): Promise<void>;
  status(): DnsStatus;
  dump(): DnsDump;
  /** Makes the zones of what has changed now, and not with the next query. */
  refresh(): void;
  /** Rebuilds every zone from the directory, without a break in answering. */
  resync(): Resync;
  /** What the container gets when it asks for the addresses of a name. */
  lookupAs(containerId: string, name: string): Promise<Lookup>;
  metrics(): DnsMetrics;
  close(): Promise<void>;
}

export interface Gateway {
  /** Absent: containers of every network ask here, or that of `sandbox`. */
  readonly networkId?: string;
  /** It is in this container's sandbox, on a port of its own; absent: of the host's. */
  readonly sandbox?: { readonly containerId: string; readonly path: string };
  /** Without prefix length. */
  readonly address: string;
}

export interface DnsStatus {
  readonly listeners: readonly ListenerStatus[];
  /** `ADDRESS:PORT`, those that are asked, in order. */
  readonly upstreams: readonly string[];
  readonly degraded: boolean;
}

export interface DnsOptions {
  /** `ADDRESS[:PORT]` of the host's listener; default 127.0.0.1:5354. `none`: there is none. */
  readonly listen?: string;
  /** Of every record, in seconds; default 5, 0 allowed. */
  readonly ttl?: number;
  /** `ADDRESS[:PORT]`; absent or empty: the servers of `resolvConf`. */
  readonly upstreams?: readonly string[];
  /** Default /etc/resolv.conf. */
  readonly resolvConf?: string;
  /** Forwarded queries at once; default 1024. One asker may have an eighth of them (limits.ts). */
  readonly maxInflight?: number;
  /** Unknown single-label names go upstream instead of NXDOMAIN; default false. */
  readonly forwardSingleLabel?: boolean;
  /** Of the networks' listeners; default 53. */
  readonly gatewayPort?: number;
  /** See ForwarderOptions. */
  readonly tryMs?: number;
  readonly totalMs?: number;
}

export const dnsDefaults = { listen: '127.0.0.1:5354', ttl: 5, maxInflight: 1024 } as const;

/** @throws invalid when an address in the options does not parse */
export function createDns(parts: {
  readonly directory: NameSource;
  readonly log: Logger;
  readonly options?: DnsOptions;
}): Dns {
  const { directory, log, options = {} } = parts;
  const host = hostListener(options);
  const counters = new Counters();
  const limits = limitsOf(options.maxInflight ?? dnsDefaults.maxInflight, log);
  const health = new UpstreamHealth(sayOf(log));
  const isOwn = ({ address, port }: Upstream) => listeners.owns(address, port);
  const upstreams = new Upstreams(serversOf(options), isOwn, health);
  const underWay = new Shares(limits.forwards);
  const forwarder = new Forwarder(upstreams, underWay, options, counters, log);
  const table = new NameTable(directory);
  const views = new Views(table);
  const answering = {
    ttl: options.ttl ?? dnsDefaults.ttl,
    forwardSingleLabel: options.forwardSingleLabel ?? false,
  };
  const handler = new QueryHandler({ table, views, forwarder, counters, options: answering, log });
  const connections = new TcpConnections(limits.connections, counters);
  const handlerOf = (listener: ListenerKind, transport: Transport) =>
    handler.handlerAt({ listener, transport });
  const listeners = new Listeners(handlerOf, connections, log);
  let gateways: readonly Gateway[] = [];
  let started = false;
  const converge = () =>
    listeners.ensure([...(started ? host : []), ...gateways.map(gatewayListener(options))]);

  return {
    start() {
      started = true;
      return converge();
    },
    ensureListeners(wanted) {
      gateways = wanted;
      return converge();
    },
    status() {
      const all = listeners.status();
      const servers = upstreams.inOrder().map(({ address, port }) => joinHostPort(address, port));
      return { listeners: all, upstreams: servers, degraded: all.some(({ state }) => state === 'degraded') };
    },
    dump: () => dumpTable(table),
    refresh: () => table.refresh(),
    resync: () => resync(table),
    lookupAs: (containerId, name) =>
      lookupIn(views.asContainer(containerId), name, { table, forwarder, options: answering }),
    metrics: () => counters.snapshot({ inflight: underWay.taken, connections: connections.count }),
    async close() {
      health.close();
      table.close();
      await listeners.close();
    },
  };
}

function hostListener({ listen = dnsDefaults.listen }: DnsOptions) {
  if (listen === 'none') return [];
  return [{ listener: { kind: 'host' } as const, ...parseServer(listen, 'DNS listen address', 5354) }];
}

const sharedListener = { kind: 'shared' } as const;

function gatewayListener({ gatewayPort = 53 }: DnsOptions) {
  return ({ networkId, address, sandbox }: Gateway): ListenAddress => {
    if (sandbox) {
      const listener = { kind: 'sandbox', containerId: sandbox.containerId } as const;
      return { listener, address, port: 0, namespace: sandbox.path };
    }
    const listener = networkId === undefined ? sharedListener : ({ kind: 'gateway', networkId } as const);
    return { listener, address, port: gatewayPort };
  };
}

function serversOf({ upstreams = [], resolvConf = '/etc/resolv.conf' }: DnsOptions) {
  const servers = upstreams.map((text) => parseServer(text));
  return servers.length > 0 ? servers : { resolvConf };
}

function sayOf(log: Logger) {
  return ({ address, port }: Upstream, isDead: boolean) => {
    if (isDead)
      log.warn(
        `dns: upstream ${joinHostPort(address, port)} answers nothing: it is asked last until it does`,
      );
    else log.info(`dns: upstream ${joinHostPort(address, port)} answers again`);
  };
}
