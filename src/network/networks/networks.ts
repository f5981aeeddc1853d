import type { Driver } from '../../../drivers/driver.ts';
import type { Write } from '../../../kvstore/store.ts';
import { decodeOrSkip, decodeOrThrow } from '../../cluster/decode.ts';
import { folders, keys } from '../../cluster/keys.ts';
import {
  type Endpoint,
  endpointSchema,
  type Network,
  type Scope,
  type Subnets,
  scopes,
  subnetsSchema,
} from '../../cluster/records.ts';
import { commitWithRetry } from '../../cluster/retry.ts';
import type { NetworkMode } from '../../container/container.ts';
import { FairleadError, isKind, withContext } from '../../lib/errors.ts';
import { newId, shortId } from '../../lib/ids.ts';
import { byIdOrName, lookup } from '../../lib/lookup.ts';
import { ofSameElements } from '../../lib/memo.ts';
import { foldCase, parseNetworkName } from '../../lib/names.ts';
import { timestamp } from '../../lib/time.ts';
import { withUndo } from '../../lib/undo.ts';
import { addressUsage, type SubnetUsage } from '../addressing/address-usage.ts';
import { planIpam, sharesOurSpace } from '../addressing/network-pools.ts';
import { claimVni } from '../addressing/vnis.ts';
import type { NetworkContext } from '../context.ts';
import type { Networks as Contract, NetworkSpec } from '../model.ts';
import { configurationOf, refuseUsedConfiguration, withConfiguration } from './configurations.ts';
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

  async #create(asked: NetworkSpec, id = newId()): Promise<Network> {
    const spec = withFamilies(withConfiguration(asked, this.parts.directory.networks()));
    const { driver: defaultName } = this.parts.settings.defaultNetwork;
    const name = spec.configOnly ? 'null' : spec.driver || defaultDriver(defaultName);
    const driver = this.parts.driverNamed(name);
    const scope = await scopeFor(driver, spec.scope);
    // A configuration only says what networks are to ask for.
    const given = driver.addressed ? await this.parts.ipam.remote.request(scope, spec) : undefined;
    const network = await withUndo(async (undo) => {
      // Creations wait for each other: they all rewrite the one document of subnets.
      const created = await this.parts.locks
        .run('addresses', 'subnets', () => this.#commit(id, driver, scope, spec, given))
        .catch(async (error: unknown) => {
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

  #commit(
    id: string,
    driver: Driver,
    scope: Scope,
    spec: NetworkSpec,
    given?: Network['ipam'],
  ): Promise<Network> {
    const draft = { id, created: timestamp(this.parts.clock.now()), driver: driver.name, scope } as const;
    return commitWithRetry(this.parts.directory, scope, `create network ${spec.name}`, async () => {
      // It may be called like another's id.
      const found = this.named(spec.name)?.name;
      if (found !== undefined && foldCase(found) === foldCase(spec.name)) throw nameTaken(spec.name);
      if (!spec.configOnly) this.#refuseSecond(driver);
      const store = this.parts.directory.reachable(scope);
      const [subnets, hostSubnets] = await Promise.all([
        store.get(keys.subnets),
        this.parts.dataplane.hostSubnets(),
      ]);
      const used: Subnets = subnets ? decodeOrThrow(subnetsSchema, subnets) : {};
      const plan: Network = {
        ...draft,
        ...plain(spec),
        ...configurationOf(spec),
        ipam: planIpam(this.parts, { driver, scope, spec, used, hostSubnets, given }),
      };
      const networks = this.parts.directory.networks();
      await driver.validate(plan, networks);
      const claim = driver.wantedVni && (await claimVni(store, id, networks, driver.wantedVni(plan.options)));
      const network = claim ? { ...plan, vni: claim.vni } : plan;
      const pools = sharesOurSpace(driver, network.ipam)
        ? network.ipam.pools.map(({ subnet }) => subnet)
        : [];
      return {
        result: network,
        checks: [
          { key: keys.networkName(network.name), expect: 'absent' },
          { key: keys.network(id), expect: 'absent' },
          subnets
            ? { key: keys.subnets, expect: 'version', version: subnets.version }
            : { key: keys.subnets, expect: 'absent' },
          ...(claim?.checks ?? []),
        ],
        writes: [
          put(keys.networkName(network.name), id),
          put(keys.network(id), network),
          put(keys.subnets, pools.length > 0 ? { ...used, [shortId(id)]: pools } : used),
          ...(claim?.writes ?? []),
        ],
        onConflict: (failed) => {
          if (failed === keys.networkName(network.name)) throw nameTaken(network.name);
        },
      };
    });
  }

  #refuseSecond(driver: Driver): void {
    if (!driver.single || !this.parts.directory.networks().some((other) => other.driver === driver.name))
      return;
    throw new FairleadError('forbidden', `only one instance of "${driver.name}" network is allowed`);
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

function nameTaken(name: string): FairleadError {
  return new FairleadError('conflict', `network with name ${name} already exists`);
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

function plain(spec: NetworkSpec) {
  return {
    name: spec.name,
    ...(spec.typedDriver === undefined ? {} : { typedDriver: spec.typedDriver }),
    internal: spec.internal ?? false,
    attachable: spec.attachable ?? false,
    ...(spec.ipv4 === false ? { ipv4: false } : {}),
    ipv6: spec.ipv6 ?? false,
    options: { ...spec.options },
    labels: { ...spec.labels },
  };
}

function put(key: string, value: unknown): Write {
  return { op: 'put', key, value: JSON.stringify(value) };
}
