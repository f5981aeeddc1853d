import type { GivenPool, IpamDriver } from '../../../drivers/ipam-driver.ts';
import type { Network, Pool, Scope } from '../../cluster/records.ts';
import { contains, familyOf, parseAddress, parseSubnet, withoutPrefix } from '../../lib/addresses.ts';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { type UndoStack, withUndo } from '../../lib/undo.ts';
import type { NetworkSpec, PoolSpec } from '../model.ts';

type GivenIpam = Network['ipam'];

/** Asks an IPAM plugin for a network's pools, with their gateways and auxiliary addresses; all or none. */
export async function requestPools(driver: IpamDriver, scope: Scope, spec: NetworkSpec): Promise<GivenIpam> {
  const facts = await driver.facts();
  const addressSpace = facts[scope];
  const options = { ...spec.ipam?.options };
  const config = [...(spec.ipam?.config ?? [])];
  const families = new Set(config.map(({ subnet, gateway }) => familyOf(subnet ?? gateway ?? '')));
  if (!families.has(4) && spec.ipv4 !== false) config.unshift({});
  const wanted = config.map((pool) => ({ pool, v6: familyOf(pool.subnet ?? pool.gateway ?? '') === 6 }));
  if (spec.ipv6 && !families.has(6)) wanted.push({ pool: {}, v6: true });
  return await withUndo(async (undo) => {
    const pools: Pool[] = [];
    for (const { pool, v6 } of wanted) {
      pools.push(await requestPool(driver, pool, { addressSpace, options, v6 }, undo));
    }
    return { driver: driver.name, options, pools, addressSpace };
  });
}

async function requestPool(
  driver: IpamDriver,
  spec: PoolSpec,
  request: { readonly addressSpace: string; readonly options: Record<string, string>; readonly v6: boolean },
  undo: UndoStack,
): Promise<Pool> {
  const { subnet = '', ipRange = '', gateway, auxAddresses = {} } = spec;
  const given = await driver.requestPool({ ...request, subnet, ipRange });
  undo.push('pool', () => driver.releasePool(given.id));
  refuseOther(driver, 'pool', subnet && parseSubnet(subnet).text, given.subnet);
  const take = async (address: string, purpose: 'gateway' | 'auxiliary') => {
    const taken = withoutPrefix(await driver.requestAddress(given.id, { address, purpose }));
    undo.push('address', () => driver.releaseAddress(given.id, taken));
    refuseOther(driver, `${purpose} address`, address, taken);
    return parseAddress(taken);
  };
  const chosen = gateway === undefined && given.gateway ? withoutPrefix(given.gateway) : undefined;
  const aux: Record<string, string> = {};
  const own = chosen ?? (await take(gateway ? parseAddress(gateway, 'gateway address') : '', 'gateway'));
  for (const [name, text] of Object.entries(auxAddresses)) {
    aux[name] = await take(parseAddress(text, `auxiliary address (${name})`), 'auxiliary');
  }
  return {
    subnet: given.subnet,
    ...(ipRange ? { ipRange: parseSubnet(ipRange).text } : {}),
    gateway: own,
    auxAddresses: aux,
    poolId: given.id,
    ...(chosen ? { gatewayGiven: true } : {}),
  };
}

/** Its own pools never go without what was taken from them. What it says is logged only: a network must go. */
export async function releasePools(driver: IpamDriver, ipam: GivenIpam, log: Logger): Promise<void> {
  for (const { poolId = '', gateway, gatewayGiven, auxAddresses } of ipam.pools) {
    const addresses = [...(gatewayGiven ? [] : [gateway]), ...Object.values(auxAddresses)];
    for (const address of addresses) {
      await orLog(log, `release ${address}`, driver, () => driver.releaseAddress(poolId, address));
    }
    await orLog(log, `release pool ${poolId}`, driver, () => driver.releasePool(poolId));
  }
}

/** Tells a plugin that has forgotten again what is in use: pools, gateways, and the addresses of endpoints. */
export async function replayPools(
  driver: IpamDriver,
  { ipam }: Network,
  addresses: readonly string[],
  log: Logger,
): Promise<void> {
  const { addressSpace = '', options } = ipam;
  for (const pool of ipam.pools) {
    const { subnet, ipRange = '', gateway, gatewayGiven, auxAddresses, poolId = '' } = pool;
    const block = parseSubnet(subnet);
    const given: GivenPool = await driver.requestPool({
      addressSpace,
      subnet,
      ipRange,
      options,
      v6: block.family === 6,
    });
    if (given.id !== poolId) log.warn(`IPAM plugin ${driver.name}: pool ${poolId} is ${given.id} by now`);
    const again = (address: string, purpose: 'gateway' | 'auxiliary' | 'endpoint') =>
      orLog(log, `take ${address} again`, driver, () => driver.requestAddress(poolId, { address, purpose }));
    if (!gatewayGiven) await again(gateway, 'gateway');
    for (const address of Object.values(auxAddresses)) await again(address, 'auxiliary');
    for (const address of addresses.filter((one) => contains(block, one))) await again(address, 'endpoint');
  }
}

export async function orLog(
  log: Logger,
  what: string,
  { name }: IpamDriver,
  step: () => Promise<unknown>,
): Promise<void> {
  try {
    await step();
  } catch (error) {
    log.warn({ err: error }, `IPAM plugin ${name}: ${what}: ${messageOf(error)}`);
  }
}

function refuseOther({ name }: IpamDriver, what: string, wanted: string, given: string): void {
  if (wanted === '' || wanted === given) return;
  throw new FairleadError(
    'internal',
    `IPAM plugin "${name}" gave ${what} ${given} where ${wanted} was asked for`,
  );
}
