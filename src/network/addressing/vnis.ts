import type { Check, Store, Write } from '../../../kvstore/store.ts';
import { decodeOrSkip, idSchema } from '../../cluster/decode.ts';
import { folders, keys } from '../../cluster/keys.ts';
import type { Network } from '../../cluster/records.ts';
import { FairleadError } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';

/** The upper half: Swarm takes its own from 4096 up, on the same hosts and port; below that are people's and switches'. */
const firstVni = 0x80_0000;
/** VNIs have 24 bits (RFC 7348 section 5). */
const lastVni = 0xff_ffff;

/** A VXLAN network identifier that was chosen and is to be taken by the commit that holds its check and write. */
export interface VniClaim {
  readonly vni: number;
  readonly checks: readonly Check[];
  readonly writes: readonly Write[];
}

/**
 * Chooses a free VNI, or the wanted one. Two hosts can never both have it: its key is created if absent.
 * @throws conflict when the wanted one is taken, naming the network; exhausted
 */
export async function claimVni(
  store: Store,
  networkId: string,
  networks: readonly Network[],
  wanted?: number,
): Promise<VniClaim> {
  const entries = await store.list(folders.vnis);
  // A store that lost its data may have got the networks back that we know, or not yet.
  const known = networks.flatMap(({ id, vni }) =>
    vni === undefined ? [] : [[keys.vni(vni), JSON.stringify(id)] as const],
  );
  const holders = new Map([...known, ...entries.map(({ key, value }) => [key, value] as const)]);
  const vni = wanted ?? firstFree(holders);
  const key = keys.vni(vni);
  const holder = holders.get(key);
  if (holder !== undefined) throw taken(vni, decodeOrSkip(idSchema, { value: holder }) ?? '?', networks);
  return {
    vni,
    checks: [{ key, expect: 'absent' }],
    writes: [{ op: 'put', key, value: JSON.stringify(networkId) }],
  };
}

function firstFree(holders: ReadonlyMap<string, string>): number {
  for (let vni = firstVni; vni <= lastVni; vni += 1) if (!holders.has(keys.vni(vni))) return vni;
  throw new FairleadError('exhausted', `no VXLAN id is left between ${firstVni} and ${lastVni}`);
}

function taken(vni: number, holder: string, networks: readonly Network[]): FairleadError {
  const name = networks.find(({ id }) => id === holder)?.name ?? shortId(holder);
  return new FairleadError('conflict', `VXLAN id ${vni} is in use by network ${name}`);
}
