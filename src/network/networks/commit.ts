import type { Driver } from '../../../drivers/driver.ts';
import type { Store, Write } from '../../../kvstore/store.ts';
import { decodeOrThrow } from '../../cluster/decode.ts';
import { keys } from '../../cluster/keys.ts';
import { type Network, type Scope, type Subnets, subnetsSchema } from '../../cluster/records.ts';
import { commitWithRetry } from '../../cluster/retry.ts';
import { FairleadError } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { foldCase } from '../../lib/names.ts';
import { patiently } from '../../lib/patiently.ts';
import { timestamp } from '../../lib/time.ts';
import { planIpam, sharesOurSpace } from '../addressing/network-pools.ts';
import { claimVni } from '../addressing/vnis.ts';
import type { NetworkContext } from '../context.ts';
import type { NetworkSpec } from '../model.ts';
import { configurationOf } from './configurations.ts';
import { networksWithoutName } from './reservations.ts';

/** How long a creation waits for those that began before it at an Engine, which tells their names last, in milliseconds. */
const namesMs = 3_000;
/** So often it waits once more for one that came meanwhile. */
const maxWaits = 5;

export interface NetworkDraft {
  readonly id: string;
  readonly driver: Driver;
  readonly scope: Scope;
  readonly spec: NetworkSpec;
  /** By an IPAM plugin. */
  readonly given: Network['ipam'] | undefined;
  /** An Engine has created it under this id, and its subnets may be reserved. */
  readonly adopts: boolean;
  readonly named: (ref: string) => Network | undefined;
}

/** Somebody's network is about to say its name, which may be this one's. */
class NameToCome extends Error {}

/** Decides and commits a network: name, subnets and VXLAN id are taken at once, or none. */
export async function commitNetwork(parts: NetworkContext, draft: NetworkDraft): Promise<Network> {
  for (let tries = 0; ; tries += 1) {
    try {
      // Creations wait for each other: they all rewrite the one document of subnets.
      return await parts.locks.run('addresses', 'subnets', () => commit(parts, draft, tries < maxWaits));
    } catch (error) {
      if (!(error instanceof NameToCome)) throw error;
      // Not under the lock, which the other may need for saying its name.
      await namesAreSaid(parts, draft.scope);
    }
  }
}

async function namesAreSaid({ directory }: NetworkContext, scope: Scope): Promise<boolean> {
  const store = directory.reachable(scope);
  return await patiently(namesMs, async () => (await networksWithoutName(store)).length === 0);
}

function commit(parts: NetworkContext, draft: NetworkDraft, waits: boolean): Promise<Network> {
  const { id, driver, scope, spec, given, adopts } = draft;
  const { directory, dataplane } = parts;
  const created = timestamp(parts.clock.now());
  return commitWithRetry(directory, scope, `create network ${spec.name}`, async () => {
    // It may be called like another's id.
    const found = draft.named(spec.name)?.name;
    if (found !== undefined && foldCase(found) === foldCase(spec.name)) throw nameTaken(spec.name);
    if (!spec.configOnly) refuseSecond(parts, driver);
    const store = directory.reachable(scope);
    const [{ used, checks }, hostSubnets] = await Promise.all([
      readSubnets(store, adopts ? id : undefined),
      dataplane.hostSubnets(),
    ]);
    // After the document: of one that is in it and not here the name is taken by now.
    if (!adopts && waits && (await networksWithoutName(store)).length > 0) throw new NameToCome();
    const plan: Network = {
      ...{ id, created, driver: driver.name, scope },
      ...plain(spec),
      ...configurationOf(spec),
      ipam: planIpam(parts, { driver, scope, spec, used, hostSubnets, given }),
    };
    const networks = directory.networks();
    await driver.validate(plan, networks);
    const claim = driver.wantedVni && (await claimVni(store, id, networks, driver.wantedVni(plan.options)));
    const network = claim ? { ...plan, vni: claim.vni } : plan;
    const pools = sharesOurSpace(driver, network.ipam) ? network.ipam.pools.map(({ subnet }) => subnet) : [];
    return {
      result: network,
      checks: [
        { key: keys.networkName(network.name), expect: 'absent' },
        { key: keys.network(id), expect: 'absent' },
        ...checks,
        ...(claim?.checks ?? []),
      ],
      writes: [
        put(keys.networkName(network.name), id),
        put(keys.network(id), network),
        put(keys.subnets, pools.length > 0 ? { ...used, [shortId(id)]: pools } : used),
        ...(adopts ? [{ op: 'delete', key: keys.reservation(id) } as const] : []),
        ...(claim?.writes ?? []),
      ],
      onConflict: (failed) => {
        if (failed === keys.networkName(network.name)) throw nameTaken(network.name);
      },
    };
  });
}

/** The document of subnets without those of `own`, and the check that it has stayed so. */
async function readSubnets(store: Store, own: string | undefined) {
  const entry = await store.get(keys.subnets);
  const { [shortId(own ?? '')]: _, ...used }: Subnets = entry ? decodeOrThrow(subnetsSchema, entry) : {};
  const check = entry
    ? ({ key: keys.subnets, expect: 'version', version: entry.version } as const)
    : ({ key: keys.subnets, expect: 'absent' } as const);
  return { used, checks: [check] };
}

function refuseSecond({ directory }: NetworkContext, driver: Driver): void {
  if (!driver.single || !directory.networks().some((other) => other.driver === driver.name)) return;
  throw new FairleadError('forbidden', `only one instance of "${driver.name}" network is allowed`);
}

function nameTaken(name: string): FairleadError {
  return new FairleadError('conflict', `network with name ${name} already exists`);
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
