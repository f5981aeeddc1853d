import type { Check, Entry, Lease, Write } from '../../../kvstore/store.ts';
import { decodeOrSkip } from '../../cluster/decode.ts';
import { endpointFor, unnamedHolder } from '../../cluster/endpoints/endpoint.ts';
import { keys } from '../../cluster/keys.ts';
import {
  addressSchema,
  type Endpoint,
  endpointSchema,
  type Network,
  type Service,
} from '../../cluster/records.ts';
import { commitWithRetry, type Decision } from '../../cluster/retry.ts';
import type { EndpointLink } from '../../container/host-engine.ts';
import {
  contains,
  type Family,
  macFor,
  parseSubnet,
  withoutPrefix,
  withPrefix,
} from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import { newId } from '../../lib/ids.ts';
import { timestamp } from '../../lib/time.ts';
import { abandon } from '../addressing/claims.ts';
import type { NetworkContext } from '../context.ts';
import { alreadyProvided, openNetwork } from '../endpoints/plan.ts';
import type { EndpointStore } from '../endpoints/store.ts';

/** What the Engine says of an endpoint that it makes. Addresses with prefix length; empty: none. */
export interface EndpointAsked {
  readonly engineEndpointId: string;
  readonly ipv4: string;
  readonly ipv6: string;
  readonly mac: string;
}

/** Long enough for every start that is under way, in milliseconds. */
const pendingMs = 120_000;

/**
 * The store's side of endpoints that an Engine makes: addresses first, each by a request of its own, then the
 * endpoint that has them. Whose they are is not said; the container's name follows when the Engine has told of it
 * (engine/converge.ts), and until then the endpoint carries packets and no name.
 */
export class PendingEndpoints {
  /** Ids under which addresses were taken that no endpoint has yet → when. */
  readonly #pending = new Map<string, number>();

  /** Networks on which something was taken: this node may take part in them no longer, and have left it there. */
  readonly #networks = new Set<string>();

  constructor(
    private readonly parts: NetworkContext,
    private readonly endpoints: EndpointStore,
  ) {}

  /** Of endpoints that are being made just now: nothing sweeps what is theirs. */
  ids(): ReadonlySet<string> {
    for (const [id, since] of this.#pending) {
      if (performance.now() - since > pendingMs) this.#pending.delete(id);
    }
    return new Set(this.#pending.keys());
  }

  mayHaveLeft(networkId: string): boolean {
    return this.#networks.has(networkId);
  }

  /** Nobody will come for them any more. */
  forgetAll(): void {
    this.#pending.clear();
  }

  /** For a while nothing sweeps what this endpoint has. */
  expect(endpointId: string): void {
    this.#pending.set(endpointId, performance.now());
  }

  /**
   * Takes an address for an endpoint to come. @returns it with prefix length
   * @throws exhausted | invalid (outside) | forbidden (in use)
   */
  async takeAddress(network: Network, family: Family, wanted: string | undefined): Promise<string> {
    openNetwork(this.parts, network);
    const kept = wanted === undefined ? undefined : await this.#keptFor(network, wanted);
    if (kept !== undefined) return kept;
    const id = newId();
    this.expect(id);
    this.#networks.add(network.id);
    const owner = { owner: 'endpoint', id, nodeId: this.parts.nodeLease.self.id } as const;
    return await commitWithRetry(this.parts.directory, network.scope, 'take an address', async () => {
      const claim = await this.parts.ipam.claim(network, family, owner, wanted);
      if (!claim) throw new FairleadError('invalid', `network ${network.name} has no IPv${family} addresses`);
      return {
        result: claim.cidr,
        checks: claim.checks,
        writes: claim.writes,
        onConflict: (failed) => {
          abandon([claim], failed);
          if (wanted !== undefined && claim.checks.some(({ key }) => key === failed)) {
            throw addressInUse(network, wanted);
          }
        },
      };
    });
  }

  /** A service's own address, for the container that is to back it; one that we took before and nobody has. */
  async #keptFor(network: Network, address: string): Promise<string | undefined> {
    const holder = await this.#holder(network, address);
    if (!holder) return undefined;
    const cidr = cidrOn(network, address);
    if (holder.owner === 'service') {
      const service = this.parts.directory.services().find(({ id }) => id === holder.id);
      if (service && this.#isToBeBackedHere(service)) return cidr;
      throw addressInUse(network, address, service && `it is the address of service ${service.name}`);
    }
    if (holder.nodeId !== this.parts.nodeLease.self.id || this.#isLinked(holder.id)) {
      throw addressInUse(network, address);
    }
    this.expect(holder.id);
    return cidr;
  }

  #isToBeBackedHere({ id }: Service): boolean {
    return this.parts.engine?.links.serviceWishes().some(({ serviceId }) => serviceId === id) ?? false;
  }

  /** Gives an address back that was taken for an endpoint that never came. Repeatable. */
  async giveBack(network: Network, address: string): Promise<void> {
    const { directory, ipam } = this.parts;
    const freed = await commitWithRetry(directory, network.scope, 'give an address back', async () => {
      const key = keys.address(network.id, address);
      const entry = await directory.reachable(network.scope).get(key);
      const holder = entry && decodeOrSkip(addressSchema, entry);
      const ours = holder?.owner === 'endpoint' && this.#pending.has(holder.id);
      if (!entry || !ours) return { result: false, checks: [], writes: [] };
      return {
        result: true,
        checks: [{ key, expect: 'version', version: entry.version }],
        writes: ipam.release(network.id, address),
      };
    });
    if (freed) await ipam.remote.giveBack(network, [address]);
  }

  /** Commits the endpoint that has the addresses. @throws forbidden (address in use) | conflict (has a provider) */
  async commit(network: Network, asked: EndpointAsked): Promise<Endpoint> {
    const endpoint = await this.endpoints.commit(network, (lease) => this.#decide(network, asked, lease));
    this.expect(endpoint.id);
    return endpoint;
  }

  async #decide(network: Network, asked: EndpointAsked, lease: Lease): Promise<Decision<Endpoint>> {
    const networkEntry = openNetwork(this.parts, network);
    const store = this.parts.directory.reachable(network.scope);
    const cidrs = [asked.ipv4, asked.ipv6].filter((cidr) => cidr !== '');
    const entries = await Promise.all(
      cidrs.map((cidr) => store.get(keys.address(network.id, withoutPrefix(cidr)))),
    );
    const holders = entries.map((entry) => entry && decodeOrSkip(addressSchema, entry));
    const service = this.#serviceAmong(holders);
    const self = this.parts.nodeLease.self.id;
    const id = service?.endpointId ?? holders.find((holder) => holder?.nodeId === self)?.id ?? newId();
    const key = keys.endpoint(network.id, id);
    const present = await store.get(key);
    const record = present && decodeOrSkip(endpointSchema, present);
    if (record && (record.nodeId !== self || this.#isLinked(id))) {
      if (service) throw alreadyProvided(service, record);
      throw addressInUse(network, cidrs[0] ?? '');
    }
    if (service && !record && !this.#isToBeBackedHere(service)) {
      throw addressInUse(network, cidrs[0] ?? '', `it is the address of service ${service.name}`);
    }
    const created = timestamp(this.parts.clock.now());
    const identity = { id, networkId: network.id, nodeId: self, created };
    // Whose it is, the Engine tells later (engine/converge.ts).
    const unnamed = endpointFor(identity, unnamedHolder(id), { aliases: [] }, service);
    const endpoint = { ...(record ?? unnamed), ...addressesOf(asked) };
    const addresses = cidrs.map((cidr, i) => this.#ownAddress(network, cidr, entries[i], endpoint));
    return {
      result: endpoint,
      checks: [
        present ? { key, expect: 'version', version: present.version } : { key, expect: 'absent' },
        { key: keys.network(network.id), expect: 'version', version: networkEntry.version },
        ...addresses.flatMap(({ checks }) => checks),
      ],
      writes: [
        { op: 'put', key, value: JSON.stringify(endpoint), lease },
        ...addresses.flatMap(({ writes }) => writes),
      ],
    };
  }

  /** Makes an address the endpoint's: one of its service stays the service's. @throws forbidden when it is in use */
  #ownAddress(
    network: Network,
    cidr: string,
    entry: Entry | undefined,
    { id, serviceId, nodeId }: Endpoint,
  ): { readonly checks: readonly Check[]; readonly writes: readonly Write[] } {
    const key = keys.address(network.id, withoutPrefix(cidr));
    const holder = entry && decodeOrSkip(addressSchema, entry);
    if (holder?.owner === 'service' && holder.id === serviceId) return { checks: [], writes: [] };
    if (holder && (holder.nodeId !== nodeId || this.#isLinked(holder.id))) throw addressInUse(network, cidr);
    const owner = { owner: 'endpoint', id, nodeId } as const;
    return {
      checks: [entry ? { key, expect: 'version', version: entry.version } : { key, expect: 'absent' }],
      writes: holder?.id === id ? [] : [{ op: 'put', key, value: JSON.stringify(owner) }],
    };
  }

  #serviceAmong(holders: readonly ({ owner: string; id: string } | undefined)[]): Service | undefined {
    const holder = holders.find((one) => one?.owner === 'service');
    return holder && this.parts.directory.services().find(({ id }) => id === holder.id);
  }

  #isLinked(endpointId: string): boolean {
    const links: readonly EndpointLink[] = [...(this.parts.engine?.links.endpoints().values() ?? [])];
    return links.some(({ endpoint }) => endpoint.id === endpointId);
  }

  async #holder(network: Network, address: string) {
    const store = this.parts.directory.reachable(network.scope);
    const entry = await store.get(keys.address(network.id, address));
    return entry && decodeOrSkip(addressSchema, entry);
  }
}

function addressesOf({ ipv4, ipv6, mac }: EndpointAsked): Pick<Endpoint, 'ipv4' | 'ipv6' | 'mac'> {
  const made = mac || macFor(withoutPrefix(ipv4 || ipv6));
  return { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}), mac: made };
}

function cidrOn(network: Network, address: string): string {
  const subnets = network.ipam.pools.map(({ subnet }) => parseSubnet(subnet));
  const subnet = subnets.find((one) => contains(one, address));
  if (!subnet) throw new FairleadError('invalid', `${address} is on no subnet of network ${network.name}`);
  return withPrefix(address, subnet);
}

function addressInUse(network: Network, address: string, why?: string): FairleadError {
  return new FairleadError(
    'forbidden',
    `Address already in use: ${withoutPrefix(address)} on network ${network.name}${why ? `: ${why}` : ''}`,
  );
}
