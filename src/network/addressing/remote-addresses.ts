import { randomBytes } from 'node:crypto';
import type { IpamDriver } from '../../../drivers/ipam-driver.ts';
import type { Store } from '../../../kvstore/store.ts';
import { keys } from '../../cluster/keys.ts';
import type { AddressRecord, Network, Pool } from '../../cluster/records.ts';
import { contains, type Family, parseAddress, parseSubnet, withoutPrefix } from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Claim } from './claim.ts';
import { orLog } from './remote-pools.ts';

export interface RemoteRequest {
  readonly network: Network;
  readonly family: Family;
  readonly owner: AddressRecord;
  readonly wanted: string | undefined;
  readonly mac: string | undefined;
}

/**
 * Has an IPAM plugin choose an address. That nobody has it is checked against the records all the same: a
 * plugin that gives one address to two must not make two containers unreachable.
 * @returns undefined where the network has no pool of that family
 */
export async function claimRemotely(
  driver: IpamDriver,
  store: Store,
  log: Logger,
  request: RemoteRequest,
): Promise<Claim | undefined> {
  const { network, family, wanted } = request;
  const address = wanted === undefined ? '' : parseAddress(wanted);
  const pools = network.ipam.pools.filter(({ subnet }) => {
    const block = parseSubnet(subnet);
    return block.family === family && (address === '' || contains(block, address));
  });
  if (pools.length === 0 && address !== '') {
    const subnets = network.ipam.pools.map(({ subnet }) => subnet).join(', ');
    const what = `Invalid address ${address}: It does not belong to any of this network's subnets`;
    throw new FairleadError('invalid', `${what} (${network.name}: ${subnets})`);
  }
  let refusal: unknown;
  for (const pool of pools) {
    try {
      return await claimFrom(driver, store, log, request, pool, address);
    } catch (error) {
      refusal = error;
    }
  }
  if (refusal) throw refusal;
  return undefined;
}

async function claimFrom(
  driver: IpamDriver,
  store: Store,
  log: Logger,
  { network, owner, mac }: RemoteRequest,
  pool: Pool,
  wanted: string,
): Promise<Claim> {
  const { poolId = '' } = pool;
  const { requiresMac } = await driver.facts();
  const needed = requiresMac ? { mac: mac ?? randomMac() } : {};
  const cidr = await driver.requestAddress(poolId, { address: wanted, purpose: 'endpoint', ...needed });
  const address = parseAddress(withoutPrefix(cidr));
  const giveBack = () =>
    orLog(log, `release ${address}`, driver, () => driver.releaseAddress(poolId, address));
  if (!contains(parseSubnet(pool.subnet), address) || (wanted !== '' && wanted !== address)) {
    await giveBack();
    const asked = wanted === '' ? `an address of ${pool.subnet}` : wanted;
    throw new FairleadError(
      'internal',
      `IPAM plugin "${driver.name}" gave ${cidr} where ${asked} was asked for`,
    );
  }
  const key = keys.address(network.id, address);
  if (address === pool.gateway || (await store.get(key))) {
    // Whose it is keeps it: it is not given back.
    throw new FairleadError(
      'conflict',
      `IPAM plugin "${driver.name}" gave ${address}, which is in use on network ${network.name}`,
    );
  }
  return {
    cidr,
    ...needed,
    checks: [{ key, expect: 'absent' }],
    writes: [{ op: 'put', key, value: JSON.stringify(owner) }],
    abandon: (taken) => {
      if (!taken) void giveBack();
    },
  };
}

/** Locally administered, in the Engine's manner. */
function randomMac(): string {
  return `02:42:${randomBytes(4).toString('hex').match(/../g)?.join(':')}`;
}
