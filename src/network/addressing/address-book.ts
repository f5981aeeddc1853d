import type { Write } from '../../../kvstore/store.ts';
import { decodeOrSkip, idSchema } from '../../cluster/decode.ts';
import type { Directory } from '../../cluster/directory.ts';
import { folders, keys } from '../../cluster/keys.ts';
import type { AddressRecord, Network, Pool } from '../../cluster/records.ts';
import {
  contains,
  type Family,
  fromNumber,
  isAddress,
  isReservedIn,
  parseAddress,
  parseSubnet,
  toNumber,
  withoutPrefix,
  withPrefix,
} from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Claim } from './claim.ts';
import type { RemoteIpam } from './remote-ipam.ts';

/** What is known of one pool: taken addresses, and the last one given out. */
interface Book {
  readonly taken: Set<string>;
  cursor: bigint;
}

/**
 * Gives addresses out. The truth is one create-if-absent key per address; the book in memory only makes
 * a good first guess, so that hosts seldom collide and a freed address rests while others are free.
 */
export class AddressBook {
  readonly #books = new Map<string, Promise<Book>>();

  constructor(
    private readonly directory: Directory,
    private readonly nodeId: string,
    readonly remote: RemoteIpam,
  ) {}

  /**
   * Chooses a free address of the family, or the wanted one.
   * @returns undefined where the network has no pool of that family
   * @param mac of the interface that it is for, if it was asked for
   * @throws exhausted | invalid (wanted lies outside) | forbidden (wanted is in use)
   */
  async claim(
    network: Network,
    family: Family,
    owner: AddressRecord,
    wanted?: string,
    mac?: string,
  ): Promise<Claim | undefined> {
    if (this.remote.serves(network)) return this.remote.claim({ network, family, owner, wanted, mac });
    const pools = network.ipam.pools.filter((pool) => parseSubnet(pool.subnet).family === family);
    if (pools.length === 0 && wanted === undefined) return undefined;
    if (wanted !== undefined) return this.#claimWanted(network, pools, owner, wanted);
    const shown = this.#shown(network);
    for (const fresh of [false, true]) {
      // A second look at the store: what others have freed meanwhile is not in the book.
      if (fresh) this.forget(network.id);
      for (const pool of pools) {
        const book = await this.#book(network, pool);
        const address = nextFree(pool, book, shown);
        if (address !== undefined) return this.#claimOf(network, pool, book, owner, address);
      }
    }
    throw new FairleadError(
      'exhausted',
      `no available IPv${family} addresses on this network's address pools: ${network.name} (${network.id})`,
    );
  }

  /** What other hosts have taken is in no book of this one; with what it sees of them they seldom collide. */
  #shown({ id, scope }: Network): ReadonlySet<string> {
    const endpoints = scope === 'global' ? this.directory.endpointsOf(id) : [];
    const cidrs = endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]);
    return new Set(cidrs.flatMap((cidr) => (cidr === undefined ? [] : [withoutPrefix(cidr)])));
  }

  /** Writes that free an address; the book learns of it at once. */
  release(networkId: string, cidr: string): readonly Write[] {
    const address = withoutPrefix(cidr);
    for (const [key, book] of this.#books) {
      if (key.startsWith(networkId)) void book.then(({ taken }) => taken.delete(address));
    }
    return [{ op: 'delete', key: keys.address(networkId, address) }];
  }

  /** Drops what is remembered of a network. */
  forget(networkId: string): void {
    for (const key of this.#books.keys()) if (key.startsWith(networkId)) this.#books.delete(key);
  }

  async #claimWanted(
    network: Network,
    pools: readonly Pool[],
    owner: AddressRecord,
    wanted: string,
  ): Promise<Claim> {
    const address = parseAddress(wanted);
    const pool = pools.find(({ subnet }) => contains(parseSubnet(subnet), address));
    if (!pool) {
      throw new FairleadError(
        'invalid',
        `Invalid address ${address}: It does not belong to any of this network's subnets` +
          ` (${network.name}: ${network.ipam.pools.map(({ subnet }) => subnet).join(', ') || 'none'})`,
      );
    }
    // A second look at the store: another host may have freed it meanwhile.
    if ((await this.#book(network, pool)).taken.has(address)) this.forget(network.id);
    const book = await this.#book(network, pool);
    if (isKeptOut(pool, address) || book.taken.has(address)) {
      throw new FairleadError('forbidden', `Address already in use: ${address} on network ${network.name}`);
    }
    return this.#claimOf(network, pool, book, owner, address);
  }

  #claimOf(network: Network, pool: Pool, book: Book, owner: AddressRecord, address: string): Claim {
    const key = keys.address(network.id, address);
    book.taken.add(address);
    book.cursor = toNumber(address);
    return {
      cidr: withPrefix(address, parseSubnet(pool.subnet)),
      checks: [{ key, expect: 'absent' }],
      writes: [
        { op: 'put', key, value: JSON.stringify(owner) },
        { op: 'put', key: keys.cursor(network.id, this.nodeId), value: JSON.stringify(address) },
      ],
      abandon: (taken) => {
        if (!taken) book.taken.delete(address);
      },
    };
  }

  #book(network: Network, pool: Pool): Promise<Book> {
    const key = `${network.id} ${pool.subnet}`;
    const known = this.#books.get(key);
    if (known) return known;
    const book = this.#load(network, pool);
    this.#books.set(key, book);
    book.catch(() => this.#books.delete(key));
    return book;
  }

  async #load(network: Network, pool: Pool): Promise<Book> {
    const store = this.directory.reachable(network.scope);
    const folder = folders.addressesOf(network.id);
    const [entries, last] = await Promise.all([
      store.list(folder),
      store.get(keys.cursor(network.id, this.nodeId)),
    ]);
    const taken = new Set(entries.map(({ key }) => decodeURIComponent(key.slice(folder.length))));
    const range = parseSubnet(pool.ipRange ?? pool.subnet);
    const lastAddress = last && decodeOrSkip(idSchema, last);
    const known = lastAddress !== undefined && isAddress(lastAddress) && contains(range, lastAddress);
    return { taken, cursor: known ? toNumber(lastAddress) : range.first - 1n };
  }
}

/** Goes on from the address given out last and wraps, so that a freed one is used last. */
function nextFree(pool: Pool, book: Book, shown: ReadonlySet<string>): string | undefined {
  const range = parseSubnet(pool.ipRange ?? pool.subnet);
  const size = range.last - range.first + 1n;
  // More addresses than can be taken need not be looked at: one of them is free.
  const most = BigInt(book.taken.size + shown.size + Object.keys(pool.auxAddresses).length + 8);
  const tries = size < most ? size : most;
  let value = book.cursor;
  for (let tried = 0n; tried < tries; tried += 1n) {
    value = value >= range.last || value < range.first - 1n ? range.first : value + 1n;
    const address = fromNumber(value, range.family);
    if (book.taken.has(address) || shown.has(address) || isKeptOut(pool, address)) continue;
    return address;
  }
  return undefined;
}

/** Network, broadcast, gateway and auxiliary addresses are never given out. */
function isKeptOut(pool: Pool, address: string): boolean {
  return (
    address === pool.gateway ||
    Object.values(pool.auxAddresses).includes(address) ||
    isReservedIn(parseSubnet(pool.subnet), address)
  );
}
