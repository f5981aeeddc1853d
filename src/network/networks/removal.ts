import { type Entry, maxCommitSize, type Write } from '../../../kvstore/store.ts';
import { decodeOrSkip, decodeOrThrow } from '../../cluster/decode.ts';
import { folders, keys } from '../../cluster/keys.ts';
import {
  type Endpoint,
  endpointSchema,
  type Network,
  networkSchema,
  serviceSchema,
  subnetsSchema,
} from '../../cluster/records.ts';
import { commitWithRetry } from '../../cluster/retry.ts';
import { FairleadError } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { lookup } from '../../lib/lookup.ts';
import type { NetworkContext } from '../context.ts';

/**
 * Removes a network in two steps. First it is marked, which makes every publish and attach that is under
 * way fail its check on the network's version; then, with nothing new to come, it is looked for holders.
 * A node that dies in between finds its mark at its next start and ends what it began (reconcile.ts).
 * @throws forbidden, naming the holders; the mark is then taken off again
 */
export async function removeNetwork(parts: NetworkContext, networkId: string): Promise<void> {
  const network = await mark(parts, networkId, { nodeId: parts.nodeLease.self.id });
  const holders = await findHolders(parts, network);
  if (holders.length > 0) {
    await mark(parts, networkId, undefined);
    throw new FairleadError(
      'forbidden',
      `error while removing network: network ${network.name} has active endpoints (${holders.join('; ')})`,
    );
  }
  await parts.presence.leave(network);
  await parts.ipam.remote.giveBack(network, await dropFolders(parts, network));
  // In turn with creations: they all rewrite the one document of subnets.
  await parts.locks.run('addresses', 'subnets', () => dropRecord(parts, network));
  parts.ipam.forget(networkId);
  await parts.ipam.remote.release(network.ipam);
}

async function mark(
  parts: NetworkContext,
  networkId: string,
  removing: Network['removing'],
): Promise<Network> {
  const { directory } = parts;
  const { scope } = lookup('network', networkId, directory.networks());
  return await commitWithRetry(directory, scope, 'remove network', async () => {
    const entry = await directory.reachable(scope).get(keys.network(networkId));
    if (!entry) throw new FairleadError('not-found', `network ${networkId} not found`);
    const { removing: _, ...rest } = decodeOrThrow(networkSchema, entry);
    const marked: Network = removing ? { ...rest, removing } : rest;
    return {
      result: marked,
      checks: [{ key: entry.key, expect: 'version', version: entry.version }],
      writes: [{ op: 'put', key: entry.key, value: JSON.stringify(marked) }],
    };
  });
}

/** Services and endpoints on the network, in words. From the store: the directory may lag. */
async function findHolders({ directory }: NetworkContext, network: Network): Promise<readonly string[]> {
  const store = directory.reachable(network.scope);
  const [services, endpoints] = await Promise.all([
    store.list(folders.servicesOf(network.id)),
    store.list(folders.endpointsOf(network.id)),
  ]);
  const nodes = new Map(directory.nodes().map(({ id, name }) => [id, name]));
  return [
    ...services.map((entry) => `service ${nameIn(entry)}`),
    ...endpoints.map((entry) => describeEndpoint(entry, nodes)),
  ];
}

function nameIn(entry: Entry): string {
  return decodeOrSkip(serviceSchema, entry)?.name ?? entry.key;
}

function describeEndpoint(entry: Entry, nodes: ReadonlyMap<string, string>): string {
  const endpoint: Endpoint | undefined = decodeOrSkip(endpointSchema, entry);
  if (!endpoint) return entry.key;
  const node = nodes.get(endpoint.nodeId) ?? shortId(endpoint.nodeId);
  return `container ${endpoint.containerName} ${shortId(endpoint.containerId)} on ${node}`;
}

/** Addresses and cursors that nobody needs any more; in portions, since a commit is bounded. @returns the addresses */
async function dropFolders({ directory }: NetworkContext, network: Network): Promise<readonly string[]> {
  const store = directory.reachable(network.scope);
  const folder = folders.addressesOf(network.id);
  const [addresses, cursors] = await Promise.all([
    store.list(folder),
    store.list(folders.cursorsOf(network.id)),
  ]);
  const writes: Write[] = [...addresses, ...cursors].map(({ key }) => ({ op: 'delete', key }));
  for (let i = 0; i < writes.length; i += maxCommitSize) {
    await store.commit([], writes.slice(i, i + maxCommitSize));
  }
  return addresses.map(({ key }) => decodeURIComponent(key.slice(folder.length)));
}

function dropRecord({ directory }: NetworkContext, network: Network): Promise<void> {
  return commitWithRetry(directory, network.scope, `remove network ${network.name}`, async () => {
    const subnets = await directory.reachable(network.scope).get(keys.subnets);
    const { [shortId(network.id)]: _, ...others } = subnets ? decodeOrThrow(subnetsSchema, subnets) : {};
    return {
      result: undefined,
      checks: subnets ? [{ key: keys.subnets, expect: 'version', version: subnets.version }] : [],
      writes: [
        { op: 'delete', key: keys.network(network.id) },
        { op: 'delete', key: keys.networkName(network.name) },
        { op: 'put', key: keys.subnets, value: JSON.stringify(others) },
        ...(network.vni === undefined ? [] : [{ op: 'delete', key: keys.vni(network.vni) } as const]),
      ],
    };
  });
}
