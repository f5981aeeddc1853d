import type { Driver } from '../../../drivers/driver.ts';
import { decodeOrSkip } from '../../cluster/decode.ts';
import { folders } from '../../cluster/keys.ts';
import { type Endpoint, endpointSchema, type Network, type Scope, scopes } from '../../cluster/records.ts';
import type { NetworkMode } from '../../container/container.ts';
import { FairleadError, isKind, withContext } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import { byIdOrName, lookup } from '../../lib/lookup.ts';
import { ofSameElements } from '../../lib/memo.ts';
import { parseNetworkName } from '../../lib/names.ts';
import { withUndo } from '../../lib/undo.ts';
import { addressUsage, type SubnetUsage } from '../addressing/address-usage.ts';
import type { NetworkContext } from '../context.ts';
import type { Networks as Contract, NetworkSpec } from '../model.ts';
import { commitNetwork } from './commit.ts';
import { refuseUsedConfiguration, withConfiguration } from './configurations.ts';
import { withFamilies } from './families.ts';
import { isPredefined, predefined } from './predefined.ts';
import { removeNetwork } from './removal.ts';

export const natural = new Intl.Collator('en', { numeric: true });

export class Networks implements Contract {
  /** By name; comparing as people do is slow. */
  readonly #sorted = ofSameElements((networks: readonly Network[]) =>
    [...networks].sort((a, b) => natural.compare(a.name, b.name)),
  );

  constructor(protected readonly parts: NetworkContext) {}

  list(): readonly Network[] {
    return this.#sorted(this.parts.directory.networks());
  }

  find(ref: string): Network {
    try {
      return lookup('network', ref, this.parts.directory.networks());
    } catch (error) {
      if (isKind(error, 'not-found')) this.parts.directory.requireComplete(`network ${ref}`);
      throw error;
    }
  }

  /** The id or exact name only: what a dotted SERVICE.NETWORK is tried against. */
  named(ref: string): Network | undefined {
    return byIdOrName(ref, this.parts.directory.networks());
  }

  /** Whether it is in our records; an Engine beside the daemon has networks of its own. */
  isOurs(_network: Network): boolean {
    return true;
  }

  shown(network: Network): Network {
    return network;
  }

  /** @throws forbidden where it is none of ours */
  requireOurs(_network: Network, _what: string): void {}

  defaultNetwork(): Network {
    const { driver, name } = this.parts.settings.defaultNetwork;
    return this.find(defaultNetworkName(driver, name));
  }

  /** How a container is connected that says nothing of it: `--default-network=DRIVER:NETWORK`. */
  defaultMode(findContainer: (ref: string) => { readonly id: string }): NetworkMode {
    const { driver, name } = this.parts.settings.defaultNetwork;
    if (driver === 'container') return { kind: 'container', containerId: findContainer(name).id };
    const network = defaultNetworkName(driver, name);
    return network === 'host' || network === 'none' ? { kind: network } : { kind: 'network', network };
  }

  /** Makes what every host has; repeatable. The default network may have to wait for the KV store. */
  async ensurePredefined(): Promise<void> {
    for (const { name, driver } of this.predefined()) {
      if (!this.named(name)) await this.#create({ name, driver, attachable: false });
    }
    const { driver, name } = this.parts.settings.defaultNetwork;
    const wanted = defaultNetworkName(driver, name);
    // Of that name it is there: made above, or an Engine's own.
    if (isPredefined(wanted) || this.named(wanted)) return;
    try {
      await this.#create({ name, driver });
    } catch (error) {
      if (!isKind(error, 'conflict'))
        throw withContext(`create the default network ${driver}:${name}`, error);
    }
  }

  protected predefined(): readonly { readonly name: string; readonly driver: string }[] {
    return predefined;
  }

  /** Makes a network that an Engine's user has created there, under the Engine's id for it. */
  async adopt(spec: NetworkSpec, id: string): Promise<Network> {
    parseNetworkName(spec.name);
    return await this.parts.locks.shared(() => this.#create(spec, id));
  }

  async create(spec: NetworkSpec): Promise<Network> {
    const name = parseNetworkName(spec.name);
    if (isPredefined(name) || name === 'default') {
      throw new FairleadError('forbidden', `operation is not permitted on predefined ${name} network `);
    }
    return await this.parts.locks.shared(() => this.#create(spec));
  }

  async remove(ref: string): Promise<Network> {
    const network = this.find(ref);
    if (isPredefined(network.name)) {
      throw new FairleadError('forbidden', `${network.name} is a pre-defined network and cannot be removed`);
    }
    const { locks } = this.parts;
    refuseUsedConfiguration(network, this.parts.directory.networks());
    await locks.shared(() => locks.run('network', network.id, () => removeNetwork(this.parts, network.id)));
    this.#emit(network, 'destroy');
    return network;
  }

  async prune(selects: (network: Network) => boolean): Promise<readonly Network[]> {
    const removed: Network[] = [];
    for (const network of this.list()) {
      if (isPredefined(network.name) || !selects(network)) continue;
      try {
        removed.push(await this.remove(network.id));
      } catch (error) {
        if (!isKind(error, 'forbidden') && !isKind(error, 'not-found')) throw error;
      }
    }
    return removed;
  }

  async addressUsage(networkId: string): Promise<readonly SubnetUsage[]> {
    return await addressUsage(this.parts.directory, this.find(networkId));
  }

  async endpoints(networkId: string): Promise<readonly Endpoint[]> {
    const network = this.find(networkId);
    const { directory } = this.parts;
    if (directory.follows(network)) return directory.endpointsOf(networkId);
    const entries = await directory.reachable(network.scope).list(folders.endpointsOf(networkId));
    return entries.flatMap((entry) => decodeOrSkip(endpointSchema, entry) ?? []);
  }

  async #create(asked: NetworkSpec, adopted?: string): Promise<Network> {
    const id = adopted ?? newId();
    const adopts = adopted !== undefined;
    const spec = withFamilies(withConfiguration(asked, this.parts.directory.networks()));
    const { driver: defaultName } = this.parts.settings.defaultNetwork;
    const name = spec.configOnly ? 'null' : spec.driver || defaultDriver(defaultName);
    const driver = this.parts.driverNamed(name);
    const scope = await scopeFor(driver, spec.scope);
    // A configuration only says what networks are to ask for.
    const given = driver.addressed ? await this.parts.ipam.remote.request(scope, spec) : undefined;
    const network = await withUndo(async (undo) => {
      const named = (ref: string) => this.named(ref);
      const created = await commitNetwork(this.parts, {
        id,
        driver,
        scope,
        spec,
        given,
        adopts,
        named,
      }).catch(async (error: unknown) => {
        if (given) await this.parts.ipam.remote.release(given);
        throw error;
      });
      await this.parts.ipam.remote.taken(created);
      undo.push(`create network ${created.name}`, () =>
        this.parts.locks.run('network', id, () => removeNetwork(this.parts, id)),
      );
      if (created.scope === 'local') await this.parts.presence.converge(created.id, true);
      return created;
    });
    this.#emit(network, 'create');
    return network;
  }

  #emit(network: Network, action: string): void {
    const { id: ID, name, driver: type, scope } = network;
    this.parts.events.emit({
      Type: 'network',
      Action: action,
      Actor: { ID, Attributes: { name, type } },
      scope,
    });
  }
}

/** `host:…` and `none:…` are the predefined networks whatever name they give; `container:…` publishes on bridge. */
function defaultNetworkName(driver: string, name: string): string {
  if (driver === 'host') return 'host';
  if (driver === 'none' || driver === 'null') return 'none';
  return driver === 'container' ? 'bridge' : name;
}

/** What a network gets that names no driver: the default network's, where that can have more than one. */
function defaultDriver(driver: string): string {
  return ['host', 'none', 'null', 'container'].includes(driver) ? 'bridge' : driver;
}

/** @throws not-found where the driver is a plugin and there is none */
async function scopeFor(driver: Driver, wanted: string | undefined): Promise<Scope> {
  const own = typeof driver.scope === 'string' ? driver.scope : await driver.scope();
  if (!wanted || wanted === own) return own;
  const known = scopes.some((scope) => scope === wanted);
  throw new FairleadError(
    known ? 'forbidden' : 'invalid',
    `scope ${wanted} is not possible with driver ${driver.name}, whose networks are ${own}`,
  );
}
