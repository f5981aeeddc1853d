import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { StoreStatus } from '../../kvstore/store.ts';
import type { Apps } from '../apps/apps.ts';
import type { Topology } from '../cluster/topology/topology.ts';
import type { EngineStatus } from '../container/host-engine.ts';
import type { Volumes } from '../container/volumes.ts';
import type { Probe } from '../dns/probe.ts';
import type { RemoteDns } from '../dns/thread/remote-dns.ts';
import type { Logger } from '../lib/log.ts';
import type { Model } from '../network/model.ts';
import type { Failures } from './http/failures.ts';
import type { Upstream } from './proxy/upstream.ts';

export interface ApiDeps {
  readonly model: Model;
  readonly topology: Topology;
  readonly dns: DnsControl;
  readonly probe: Probe;
  readonly apps: Apps;
  /** Not where an Engine has the containers, and volumes of its own. */
  readonly volumes: Volumes;
  /** The daemon's current state. */
  readonly info: () => SystemInfo;
  /** The Docker Engine that has the containers; absent in the other modes. */
  readonly upstream?: Upstream;
  readonly log: Logger;
  readonly failures: Failures;
  /** For fairlead/testing. */
  readonly hooks?: ApiHooks;
}

export interface ApiHooks {
  /** Sees each request before any route does, and answers it, breaks it off or lets it wait. @returns whether it goes on */
  admit(request: IncomingMessage, answer: HookAnswer): Promise<boolean>;
  /** Routes beside the API's own. */
  routes(app: FastifyInstance): void;
}

export interface HookAnswer {
  /** As an error of the Engine's. */
  refuse(status: number, message: string): void;
  /** Breaks the connection. */
  reset(): void;
}

/** What the API needs of DNS. */
export type DnsControl = Pick<RemoteDns, 'status' | 'dump' | 'resync' | 'metrics'>;

export interface PluginInfo {
  readonly name: string;
  /** Absent: no file of it is there, or it was never used. */
  readonly address?: string;
  /** `NetworkDriver`, `IpamDriver`; empty until it was used. */
  readonly implements: readonly string[];
  readonly state: 'found' | 'active' | 'unreachable' | 'missing';
  readonly reason?: string;
}

/** The Docker Engine that has the containers. */
export interface EngineState extends Omit<EngineStatus, 'complete'> {
  /** What it calls us as its plugin. */
  readonly plugin: string;
  /** Why we are not. */
  readonly pluginProblem?: string;
}

export interface SystemInfo {
  /** Fairlead's version: `0.1.0`. */
  readonly version: string;
  readonly mode: 'simulated' | 'sandbox' | 'engine';
  /** The reason for this mode, in one line. */
  readonly why: string;
  readonly nodeId: string;
  readonly nodeName: string;
  readonly dataRoot: string;
  /** Unix time in milliseconds. */
  readonly started: number;
  readonly stores: readonly StoreStatus[];
  /** Names of the drivers that networks can be created with. */
  readonly drivers: readonly string[];
  /** That were found or used. */
  readonly plugins: readonly PluginInfo[];
  readonly defaultNetwork: string;
  /** In engine mode. */
  readonly engineState?: EngineState;
}
