import { setTimeout } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Ledger } from '../../../kvstore/local/ledger.ts';
import { createMemoryLedger, MemoryStore } from '../../../kvstore/local/memory.ts';
import type { ApiHooks } from '../../api/deps.ts';
import { createSimulatedRuntime, type SimulatedRuntime } from '../../container/simulated.ts';
import { volumesInMemory } from '../../container/volumes.ts';
import { type DaemonConfig, parseConfig } from '../../daemon/config.ts';
import { type RunningDaemon, startDaemon } from '../../daemon/main.ts';
import type { Platform } from '../../daemon/platform.ts';
import { createSimulatedDataplane } from '../../dataplane/simulated.ts';
import { messageOf } from '../../lib/errors.ts';
import { formatHostAddress, type HostAddress } from '../../lib/host-address.ts';
import { newId } from '../../lib/ids.ts';
import { apart } from '../../lib/locks.ts';
import type { FakeNode, FakeStore } from '../contract.ts';
import { LocalDns } from './local-dns.ts';
import type { MovableClock } from './movable-clock.ts';
import type { Scripts } from './scripts.ts';
import { SharedStore } from './shared-store.ts';

export interface NodeParts {
  readonly number: number;
  readonly address: HostAddress;
  /** The DNS responder's port; 0: any. Undefined: no responder. */
  readonly dnsPort: number | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly clock: MovableClock;
  /** This node's access to the store that all nodes share. */
  readonly shared: Ledger;
  readonly scripts: Scripts;
  readonly admit: ApiHooks['admit'];
  readonly routes: (app: FastifyInstance, self: FakeNode) => void;
}

/** What is there while the node lives. */
export interface Life {
  readonly daemon: RunningDaemon;
  readonly runtime: SimulatedRuntime;
  readonly store: SharedStore;
}

/** Long enough for a node to come back to the store: it tries every second. */
const backMs = 5000;
const lookEveryMs = 5;

/** A daemon in this process, in simulated mode, with its state in memory. */
export class MemoryNode implements FakeNode {
  readonly name: string;
  readonly #id = newId();
  readonly #local: Ledger;
  #address: HostAddress;
  #dnsPort: number | undefined;
  #life: Life | undefined;
  /** Why the store is away from this node; undefined: it is there. */
  #cut: string | undefined;

  constructor(private readonly parts: NodeParts) {
    this.name = `node${parts.number}`;
    this.#address = parts.address;
    this.#dnsPort = parts.dnsPort;
    this.#local = createMemoryLedger(parts.clock);
  }

  get host(): string {
    return formatHostAddress(this.#address);
  }

  get socketPath(): string | undefined {
    return this.#address.kind === 'unix' ? this.#address.path : undefined;
  }

  get port(): number | undefined {
    return this.#address.kind === 'tcp' ? this.#address.port : undefined;
  }

  get env(): Readonly<Record<string, string>> {
    return { DOCKER_HOST: this.host, FAIRLEAD_HOST: this.host };
  }

  get dns(): string | undefined {
    return this.#dnsPort === undefined ? undefined : `127.0.0.1:${this.#dnsPort}`;
  }

  get isAlive(): boolean {
    return this.#life !== undefined;
  }

  /** Undefined while it is dead. */
  get life(): Life | undefined {
    return this.#life;
  }

  get store(): FakeStore {
    return {
      away: (reason = 'it was taken away') => {
        this.#cut = reason;
        this.#life?.store.cut(reason);
      },
      back: async () => {
        this.#cut = undefined;
        this.#life?.store.mend();
        await this.#hasLease();
      },
    };
  }

  async revive(): Promise<void> {
    if (this.#life) return;
    const store = new SharedStore(this.parts.shared, this.parts.clock);
    if (this.#cut !== undefined) store.cut(this.#cut);
    const made: { runtime?: SimulatedRuntime } = {};
    const daemon = await startDaemon(
      this.#config(),
      this.#platform(store, (runtime) => (made.runtime = runtime)),
    );
    const [address = this.#address] = daemon.hosts;
    this.#address = address;
    const [listener] = (await daemon.dns.status()).listeners;
    if (listener) this.#dnsPort = listener.port;
    if (made.runtime) this.#life = { daemon, store, runtime: made.runtime };
  }

  async die(): Promise<void> {
    // A daemon that cannot reach the store cannot sign off.
    this.#life?.store.cut('its node is dead');
    await this.close();
  }

  async close(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    await life?.daemon.close();
  }

  #config(): DaemonConfig {
    const { number, settings } = this.parts;
    const fixed = {
      'node-name': this.name,
      // RFC 5737: addresses of nobody.
      advertise: `192.0.2.${number}`,
      'data-root': '/nonexistent/fairlead',
      'plugin-dir': '/nonexistent/fairlead',
      'dns-listen': 'none',
    };
    const config = parseConfig({ ...fixed, ...settings });
    const port = this.#dnsPort;
    const listen = port === undefined ? {} : { listen: { address: '127.0.0.1', port } };
    return { ...config, hosts: [this.#address], dns: { ...config.dns, ...listen } };
  }

  #platform(store: SharedStore, onRuntime: (runtime: SimulatedRuntime) => void): Platform {
    const { clock, scripts, admit, routes } = this.parts;
    const programs = scripts.programs({
      node: this.name,
      // After the start under way. The container may be gone by then.
      onHealth: (id, health) =>
        void apart(() => this.#life?.daemon.model.containers.setHealth(id, health).catch(() => {})),
    });
    return {
      clock,
      hooks: { admit, routes: (app) => routes(app, this) },
      dns: (parts) => new LocalDns(parts),
      identity: async () => ({ nodeId: this.#id, tag: this.#id.slice(0, 4) }),
      localState: async () => ({ store: new MemoryStore(this.#local) }),
      globalStore: async () => store,
      mode: async () => ({ kind: 'simulated', why: 'fairlead/testing' }),
      dataplane: async () => createSimulatedDataplane(),
      volumes: ({ dataRoot }) => volumesInMemory(`${dataRoot}/volumes`, () => clock.now()),
      async runtime(_way, parts) {
        const runtime = createSimulatedRuntime({ ...parts, programs, clock });
        onRuntime(runtime);
        return { runtime };
      },
    };
  }

  async #hasLease(): Promise<void> {
    for (let left = backMs; this.#life; left -= lookEveryMs) {
      try {
        this.#life.daemon.nodeLease.lease('global');
        return;
      } catch (error) {
        if (left <= 0)
          throw new Error(`${this.name} does not come back: ${messageOf(error)}`, { cause: error });
      }
      await setTimeout(lookEveryMs);
    }
  }
}
