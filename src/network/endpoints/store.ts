import { isDeepStrictEqual } from 'node:util';
import type { JoinResult } from '../../../drivers/driver.ts';
import type { Entry, Lease, Write } from '../../../kvstore/store.ts';
import { decodeOrSkip, decodeOrThrow } from '../../cluster/decode.ts';
import { following, isUnnamed } from '../../cluster/endpoints/endpoint.ts';
import { keys } from '../../cluster/keys.ts';
import { addressSchema, type Endpoint, endpointSchema, type Network } from '../../cluster/records.ts';
import { commitWithRetry, type Decision } from '../../cluster/retry.ts';
import type { Attachment, Container } from '../../container/container.ts';
import { withoutPrefix } from '../../lib/addresses.ts';
import { FairleadError, isKind, messageOf } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import type { NetworkContext } from '../context.ts';
import { LateWithdrawals } from './late-withdrawals.ts';
import { type EndpointRequest, planOwnEndpoint, planServiceEndpoint } from './plan.ts';

/** The endpoints of this node in the store: what other nodes and DNS see of its containers. */
export class EndpointStore {
  readonly #late: LateWithdrawals;

  constructor(private readonly parts: NetworkContext) {
    this.#late = new LateWithdrawals(parts.clock, (network, endpoint) => this.withdraw(network, endpoint));
  }

  /** Takes the addresses and makes the endpoint, in one commit. @throws conflict | exhausted | forbidden */
  async make(request: EndpointRequest): Promise<Endpoint> {
    const { network, service } = request;
    const plan = service && !service.shared ? planServiceEndpoint : planOwnEndpoint;
    return await this.commit(network, () => plan(this.parts, request));
  }

  /** Makes an endpoint of this node that was decided elsewhere. @throws as the decision does */
  async commit(network: Network, decide: (lease: Lease) => Promise<Decision<Endpoint>>): Promise<Endpoint> {
    const { directory, nodeLease } = this.parts;
    const lease = nodeLease.lease(network.scope);
    let tried: Endpoint | undefined;
    try {
      const endpoint = await commitWithRetry(directory, network.scope, 'commit endpoint', async () => {
        const decision = await decide(lease);
        tried = decision.result;
        return decision;
      });
      this.#isThere(endpoint);
      return endpoint;
    } catch (error) {
      // The store may have made it without saying so.
      if (tried && isKind(error, 'unavailable')) this.#late.add(network, tried);
      throw error;
    }
  }

  /** Writes into the record what the driver chose. @returns the endpoint as it then is */
  async assign(network: Network, endpoint: Endpoint, assigned: JoinResult['assigned']): Promise<Endpoint> {
    if (!assigned) return endpoint;
    const { directory, nodeLease } = this.parts;
    const lease = nodeLease.lease(network.scope);
    const key = keys.endpoint(network.id, endpoint.id);
    const changed = { ...endpoint, ...assigned };
    await commitWithRetry(directory, network.scope, 'commit endpoint', async () => {
      const entry = await directory.reachable(network.scope).get(key);
      if (!entry) throw new FairleadError('not-found', `endpoint ${shortId(endpoint.id)} is gone`);
      return {
        result: undefined,
        checks: [{ key, expect: 'version', version: entry.version }],
        writes: [{ op: 'put', key, value: JSON.stringify(changed), lease }],
      };
    });
    this.#isThere(changed);
    return changed;
  }

  close(): void {
    this.#late.close();
  }

  /** With the store away the endpoint is shown no longer here, and deleted as soon as that can be done. */
  async withdrawWhenPossible(network: Network, endpoint: Endpoint): Promise<void> {
    try {
      await this.withdraw(network, endpoint);
    } catch (error) {
      if (!isKind(error, 'unavailable')) throw error;
      this.parts.directory.withhold(endpoint);
      this.#late.add(network, endpoint);
      this.parts.log.warn(
        { err: error },
        `endpoint ${shortId(endpoint.id)} stays in the store for now: ${messageOf(error)}`,
      );
    }
  }

  /** Deletes an endpoint's record, and its address where it owns it, if both are still this endpoint's. */
  async withdraw(network: Network, endpoint: Endpoint): Promise<void> {
    const { directory, ipam } = this.parts;
    const key = keys.endpoint(network.id, endpoint.id);
    const what = `detach ${endpoint.containerName}`;
    const freed = await commitWithRetry(directory, network.scope, what, async () => {
      const entry = await directory.reachable(network.scope).get(key);
      const holder = entry && holderIn(entry)?.containerId;
      const ours = entry !== undefined && (holder === undefined || holder === endpoint.containerId);
      const owned = await this.#owned(network, endpoint);
      return {
        result: owned,
        checks: ours ? [{ key, expect: 'version', version: entry.version }] : [],
        writes: [
          ...(ours ? [{ op: 'delete', key } as const] : []),
          ...owned.flatMap((cidr) => ipam.release(network.id, cidr)),
        ],
      };
    });
    await ipam.remote.giveBack(network, freed);
    // It may have been gone before: then no deletion comes that would end what is shown on after a gap.
    directory.forgetLingering(endpoint);
  }

  /** What the store is to have of a container's endpoint now: what it had, with what the container has changed since. */
  wanted(container: Container, { endpoint, ...wish }: Attachment): Endpoint | undefined {
    return endpoint && following(endpoint, container, wish);
  }

  /**
   * Puts the record if it is gone, differs, hangs on a lease that was replaced, or is another's by now.
   * @throws conflict when another container has the place or its address; not-found when the service is gone
   */
  async keep(network: Network, endpoint: Endpoint, serviceId = endpoint.serviceId): Promise<void> {
    const { directory, nodeLease } = this.parts;
    let shown = directory.endpointEntry(network.id, endpoint.id);
    this.#refuseIfLost(endpoint, shown?.record, serviceId);
    const lease = nodeLease.lease(network.scope);
    if (shown?.lease === lease.id && isDeepStrictEqual(shown.record, endpoint)) return;
    const key = keys.endpoint(network.id, endpoint.id);
    const value = JSON.stringify(endpoint);
    await commitWithRetry(directory, network.scope, `put ${endpoint.name} again`, async () => {
      const known = shown?.version;
      // What the directory shows may be of a time before a gap: then the commit fails, and the store is asked.
      shown = undefined;
      const found = known === undefined ? await this.#missing(network, endpoint, serviceId) : undefined;
      const version = known ?? found?.version;
      const addresses = found?.addresses ?? [];
      return {
        result: undefined,
        checks: [
          version === undefined ? { key, expect: 'absent' } : { key, expect: 'version', version },
          ...addresses.map((write) => ({ key: write.key, expect: 'absent' }) as const),
        ],
        writes: [{ op: 'put', key, value, lease }, ...addresses],
      };
    });
    this.#isThere(endpoint);
  }

  /** The version that the store has of the record, and the addresses to take again: whose record is there has them. */
  async #missing(network: Network, endpoint: Endpoint, serviceId: string | undefined) {
    const key = keys.endpoint(network.id, endpoint.id);
    const entry = await this.parts.directory.reachable(network.scope).get(key);
    this.#refuseIfLost(endpoint, entry && holderIn(entry), serviceId);
    return { version: entry?.version, addresses: await this.#reclaims(network, endpoint, serviceId) };
  }

  #refuseIfLost(endpoint: Endpoint, holder: Endpoint | undefined, serviceId: string | undefined): void {
    if (holder && holder.containerId !== endpoint.containerId && !isUnnamed(holder)) {
      throw new FairleadError('conflict', `its place was taken by ${holder.containerName} meanwhile`);
    }
    if (serviceId === undefined || this.#service(serviceId)) return;
    this.parts.directory.requireComplete(`service ${endpoint.name}`);
    throw new FairleadError('not-found', `the service ${endpoint.name} is published no longer`);
  }

  #isThere(endpoint: Endpoint): void {
    this.#late.forget(endpoint.id);
    this.parts.directory.admit(endpoint);
  }

  /** A service's address stays with the service; one that was reclaimed meanwhile is another's. */
  async #owned(network: Network, endpoint: Endpoint): Promise<readonly string[]> {
    const owned: string[] = [];
    for (const cidr of addressesOf(endpoint)) {
      if ((await this.#holderOf(network, cidr)) === endpoint.id) owned.push(cidr);
    }
    return owned;
  }

  /** Addresses that were given up for us while we were away are taken again, if they are still free. */
  async #reclaims(network: Network, endpoint: Endpoint, serviceId?: string): Promise<readonly Write[]> {
    const service = serviceId === undefined ? undefined : this.#service(serviceId);
    if (service?.endpointId === endpoint.id) return [];
    const owner = { owner: 'endpoint', id: endpoint.id, nodeId: endpoint.nodeId } as const;
    const writes: Write[] = [];
    for (const cidr of addressesOf(endpoint)) {
      const address = withoutPrefix(cidr);
      const holder = await this.#holderOf(network, cidr);
      if (holder !== undefined && holder !== endpoint.id) {
        throw new FairleadError('conflict', `its address ${address} was given to another endpoint meanwhile`);
      }
      const key = keys.address(network.id, address);
      if (holder === undefined) writes.push({ op: 'put', key, value: JSON.stringify(owner) });
    }
    return writes;
  }

  async #holderOf(network: Network, cidr: string): Promise<string | undefined> {
    const store = this.parts.directory.reachable(network.scope);
    const entry = await store.get(keys.address(network.id, withoutPrefix(cidr)));
    return entry && decodeOrThrow(addressSchema, entry).id;
  }

  #service(serviceId: string) {
    return this.parts.directory.services().find(({ id }) => id === serviceId);
  }
}

/** Undefined for a record that does not decode. */
function holderIn(entry: Entry): Endpoint | undefined {
  return decodeOrSkip(endpointSchema, entry);
}

function addressesOf({ ipv4, ipv6 }: Endpoint): readonly string[] {
  return [ipv4, ipv6].filter((address) => address !== undefined);
}
