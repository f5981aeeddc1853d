import type { Endpoint, Network } from '../../cluster/records.ts';
import { FairleadError, isKind } from '../../lib/errors.ts';
import { lookup } from '../../lib/lookup.ts';
import { withUndo } from '../../lib/undo.ts';
import type { EngineSide, NetworkContext } from '../context.ts';
import type { NetworkSpec } from '../model.ts';
import type { NativeNetworks } from '../networks/native-networks.ts';
import { Networks, natural } from '../networks/networks.ts';
import { isPredefined, ourNetworks } from '../networks/predefined.ts';
import { spokenSpec } from '../plugin/typed-network.ts';

/** Makes our networks known to the Engine and takes them away there. */
export interface Announcer {
  /** After: the Engine knows it under its name. With the Engine away: once it is back. @throws conflict for the name */
  announce(network: Network): Promise<void>;
  withdraw(network: Network): Promise<void>;
  /** Asks the Engine itself to remove a network of its own. */
  removeOwn(network: Network): Promise<void>;
}

/**
 * Networks where an Engine runs the containers: ours, which it is told of, and its own, which are shown and left to
 * it. The predefined ones are the Engine's.
 */
export class EngineModeNetworks extends Networks {
  /** Each made once: the list is compared by its elements. */
  readonly #shown = new WeakMap<Network, Network>();

  constructor(
    parts: NetworkContext,
    private readonly own: NativeNetworks,
    private readonly announcer: () => Announcer,
    private readonly engine: EngineSide,
  ) {
    super(parts);
  }

  override list(): readonly Network[] {
    return [...this.#all()].sort((a, b) => natural.compare(a.name, b.name));
  }

  override find(ref: string): Network {
    try {
      return this.#lookup(ref);
    } catch (error) {
      if (isKind(error, 'not-found')) this.parts.directory.requireComplete(`network ${ref}`);
      throw error;
    }
  }

  /** By the Engine's id as well as by ours. */
  #lookup(ref: string): Network {
    const shown = new Map(this.#all().map((network) => [this.shown(network), network]));
    try {
      const found = lookup('network', ref, [...shown.keys()]);
      return shown.get(found) ?? found;
    } catch (error) {
      if (!isKind(error, 'not-found')) throw error;
      return lookup('network', ref, this.#all());
    }
  }

  override named(ref: string): Network | undefined {
    return this.own.named(ref) ?? super.named(this.engine.links.networkOf(ref) ?? ref);
  }

  override shown(network: Network): Network {
    const id = this.engine.links.engineNetworkOf(network.id) ?? network.id;
    const driver = network.typedDriver ?? network.driver;
    if (id === network.id && driver === network.driver) return network;
    const known = this.#shown.get(network);
    if (known?.id === id) return known;
    const shown = { ...network, id, driver };
    this.#shown.set(network, shown);
    return shown;
  }

  override isOurs(network: Network): boolean {
    return !this.own.has(network.id);
  }

  override requireOurs(network: Network, what: string): void {
    if (this.isOurs(network)) return;
    throw new FairleadError(
      'forbidden',
      `${what}: network ${network.name} is the Docker Engine's own; create one with fairlead network create -d overlay ` +
        'NAME and say SERVICE.NAME, or start the daemon with --default-network=overlay:NAME',
    );
  }

  override async create(spec: NetworkSpec): Promise<Network> {
    return await withUndo(async (undo) => {
      const network = await super.create(spokenSpec(spec, this.engine.driver));
      undo.push('network', () => super.remove(network.id));
      await this.announcer().announce(network);
      return network;
    });
  }

  override async remove(ref: string): Promise<Network> {
    const network = this.find(ref);
    if (this.isOurs(network)) {
      await super.remove(network.id);
      await this.announcer().withdraw(network);
      return network;
    }
    if (isPredefined(network.name)) {
      throw new FairleadError('forbidden', `${network.name} is a pre-defined network and cannot be removed`);
    }
    await this.announcer().removeOwn(network);
    return network;
  }

  override async endpoints(networkId: string): Promise<readonly Endpoint[]> {
    return this.own.has(networkId) ? this.own.endpoints(networkId) : await super.endpoints(networkId);
  }

  /** None, host and bridge are there: the Engine's. Left of them from another way, ours are not seen. */
  protected override predefined(): readonly [] {
    return [];
  }

  #all(): readonly Network[] {
    return [...ourNetworks(this.parts), ...this.own.list()];
  }
}
