import type { Network } from '../../cluster/records.ts';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import type { RemoteDns } from '../../dns/thread/remote-dns.ts';

export interface GatewayListenerParts {
  readonly dns: Pick<RemoteDns, 'ensureListeners'>;
  readonly dataplane: Pick<Dataplane, 'kind' | 'mtuOf'>;
  /** Whether the network's gateway may be on another host. */
  readonly hasForeignGateway: (network: Network) => boolean;
  /** An address of the host's that all networks' containers ask, beside an Engine. */
  readonly resolver?: string | undefined;
}

/** DNS listens on the gateways of the networks that are set up on this host. */
export class GatewayListeners {
  #last = Promise.resolve();

  constructor(private readonly parts: GatewayListenerParts) {}

  /** One call after another, so that the newest networks win. */
  follow(networks: readonly Network[]): void {
    const listen = () => this.#listen(networks);
    this.#last = this.#last.then(listen, listen);
  }

  /** Rejects when the last call failed. */
  settled(): Promise<void> {
    return this.#last;
  }

  async #listen(networks: readonly Network[]): Promise<void> {
    const { dns, dataplane, hasForeignGateway, resolver } = this.parts;
    // A simulated gateway has no address that could be bound.
    const kernel = dataplane.kind === 'linux' ? networks : [];
    const gateways = kernel.flatMap((network) =>
      network.ipam.pools.map(({ gateway }) => ({ network, networkId: network.id, address: gateway })),
    );
    const here = await Promise.all(
      gateways.map(
        async ({ network, address }) =>
          !hasForeignGateway(network) || (await dataplane.mtuOf(address)) !== undefined,
      ),
    );
    const shared = resolver === undefined ? [] : [{ address: resolver }];
    await dns.ensureListeners([...shared, ...gateways.filter((_, i) => here[i])]);
  }
}
