import type { Network } from '../../cluster/records.ts';
import type { Container } from '../../container/container.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { innerResolver } from '../../dataplane/names.ts';
import type { Gateway } from '../../dns/dns.ts';
import type { RemoteDns } from '../../dns/thread/remote-dns.ts';
import { dnsGateways } from '../../network/host/gateway.ts';

export interface GatewayListenerParts {
  readonly dns: Pick<RemoteDns, 'ensureListeners' | 'status'>;
  readonly dataplane: Pick<Dataplane, 'kind' | 'mtuOf' | 'redirectNames' | 'sandboxPath'>;
  readonly runtime: { list(): readonly Container[]; sandboxOf(id: string): string };
  /** Where the network's gateway is: on this host, perhaps on another, or never on this one. */
  readonly gatewayOf: (network: Network) => 'here' | 'anywhere' | 'elsewhere';
  /** An address of the host's that all networks' containers ask, beside an Engine. */
  readonly resolver?: string | undefined;
}

/**
 * DNS listens on the gateways of the networks that are set up on this host, and inside the sandboxes of containers that
 * have a network whose gateway is not ours.
 */
export class GatewayListeners {
  #networks: readonly Network[] = [];
  #last = Promise.resolve();
  /** Container id → the port in its sandbox that names are asked at. */
  readonly #redirected = new Map<string, number>();

  constructor(private readonly parts: GatewayListenerParts) {}

  /** One call after another, so that the newest networks win. */
  follow(networks: readonly Network[]): void {
    this.#networks = networks;
    void this.refresh().catch(() => {});
  }

  /** Looks again at the containers. Resolves when what they ask has been tried. */
  refresh(): Promise<void> {
    const listen = () => this.#listen();
    this.#last = this.#last.then(listen, listen);
    return this.#last;
  }

  /** Rejects when the last call failed. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #listen(): Promise<void> {
    const { dns, dataplane, gatewayOf, resolver } = this.parts;
    // A simulated gateway has no address that could be bound.
    const isKernel = dataplane.kind === 'linux';
    const networks = this.#networks.filter((network) => isKernel && gatewayOf(network) !== 'elsewhere');
    const gateways = networks.flatMap((network) =>
      dnsGateways(network).map((address) => ({ network, networkId: network.id, address })),
    );
    const here = await Promise.all(
      gateways.map(
        async ({ network, address }) =>
          gatewayOf(network) === 'here' || (await dataplane.mtuOf(address)) !== undefined,
      ),
    );
    const shared = resolver === undefined ? [] : [{ address: resolver }];
    const inner = isKernel ? this.#inner() : [];
    await dns.ensureListeners([...shared, ...gateways.filter((_, i) => here[i]), ...inner]);
    await this.#redirect(inner.length > 0);
  }

  #inner(): readonly Gateway[] {
    const { runtime, dataplane } = this.parts;
    return runtime.list().flatMap(({ id, attachments }) => {
      if (!attachments.some((one) => one.interface?.resolver === innerResolver)) return [];
      const path = dataplane.sandboxPath(runtime.sandboxOf(id));
      return [{ address: innerResolver, sandbox: { containerId: id, path } }];
    });
  }

  /** Each listener has a port of its own choice. */
  async #redirect(isUsed: boolean): Promise<void> {
    const { dns, dataplane, runtime } = this.parts;
    const listeners = isUsed ? (await dns.status()).listeners : [];
    const ports = new Map(
      listeners.flatMap(({ containerId, port }) =>
        containerId === undefined || port === 0 ? [] : [[containerId, port] as const],
      ),
    );
    for (const id of this.#redirected.keys()) if (!ports.has(id)) this.#redirected.delete(id);
    for (const [id, port] of ports) {
      if (this.#redirected.get(id) === port) continue;
      await dataplane.redirectNames(runtime.sandboxOf(id), port);
      this.#redirected.set(id, port);
    }
  }
}
