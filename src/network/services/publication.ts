import { keys } from '../../cluster/keys.ts';
import type { Endpoint, Network, Service } from '../../cluster/records.ts';
import { commitWithRetry } from '../../cluster/retry.ts';
import { FairleadError } from '../../lib/errors.ts';
import { newId, shortId } from '../../lib/ids.ts';
import { foldCase, parseName } from '../../lib/names.ts';
import { timestamp } from '../../lib/time.ts';
import { abandon, claimAddresses, lastWins, macOf } from '../addressing/claims.ts';
import { driverOf, type NetworkContext } from '../context.ts';
import type { PublishOptions } from '../model.ts';

/** Publishes and takes the service's addresses in one commit. @throws conflict | invalid | exhausted */
export function publishService(
  parts: NetworkContext,
  network: Network,
  name: string,
  options: PublishOptions,
): Promise<Service> {
  parseName('service', name);
  const aliases = (options.aliases ?? []).map((alias) => parseName('alias', alias));
  const { directory } = parts;
  const [id, endpointId] = [newId(), newId()];
  const shared = options.shared ?? false;
  return commitWithRetry(directory, network.scope, `publish ${name} on ${network.name}`, async () => {
    const entry = directory.networkEntry(network.id);
    if (!entry || entry.record.removing)
      throw new FairleadError('not-found', `Network ${network.name} does not exist`);
    if (directory.serviceEntry(network.id, name)) throw nameTaken(name, network);
    const owner = { owner: 'service', id } as const;
    // A shared service has no address of its own: each provider brings one.
    const [v4, v6] = shared ? [] : await claimAddresses(parts, network, owner);
    const claims = [v4, v6].filter((claim) => claim !== undefined);
    const addresses = { ...(v4 ? { ipv4: v4.cidr } : {}), ...(v6 ? { ipv6: v6.cidr } : {}) };
    const service: Service = {
      id,
      networkId: network.id,
      name,
      created: timestamp(parts.clock.now()),
      shared,
      endpointId,
      ...addresses,
      ...macOf(claims, driverOf(parts, network)),
      aliases,
      ports: [...(options.ports ?? [])],
    };
    const key = keys.service(network.id, name);
    return {
      result: service,
      checks: [
        { key, expect: 'absent' },
        { key: keys.network(network.id), expect: 'version', version: entry.version },
        ...claims.flatMap(({ checks }) => checks),
      ],
      writes: [
        { op: 'put', key, value: JSON.stringify(service) },
        ...lastWins(claims.flatMap(({ writes }) => writes)),
      ],
      onConflict: (failed) => {
        abandon(claims, failed);
        if (failed === key) throw nameTaken(name, network);
      },
    };
  });
}

/** Takes the service and its addresses away in one commit. @throws forbidden while it has a provider */
export async function unpublishService(
  { directory, ipam }: NetworkContext,
  service: Service,
  network: Network,
): Promise<void> {
  const addresses = [service.ipv4, service.ipv6].filter((address) => address !== undefined);
  await commitWithRetry(directory, network.scope, `unpublish ${service.name}`, async () => {
    const entry = directory.serviceEntry(network.id, service.name);
    if (entry?.record.id !== service.id) {
      throw new FairleadError('not-found', `Service ${service.name} not found on network ${network.name}`);
    }
    return {
      result: undefined,
      checks: [
        { key: keys.service(network.id, service.name), expect: 'version', version: entry.version },
        // An attach elsewhere creates this key, so that the two cannot both succeed.
        { key: keys.endpoint(network.id, service.endpointId), expect: 'absent' },
      ],
      writes: [
        { op: 'delete', key: keys.service(network.id, service.name) },
        ...addresses.flatMap((address) => ipam.release(network.id, address)),
      ],
      onConflict: (failed) => {
        if (failed === keys.endpoint(network.id, service.endpointId)) {
          throw stillProvided(
            service,
            directory.endpointsOf(network.id).filter(({ serviceId }) => serviceId === service.id),
          );
        }
      },
    };
  });
  await ipam.remote.giveBack(network, addresses);
}

function nameTaken(name: string, network: Network): FairleadError {
  return new FairleadError(
    'conflict',
    `service with name ${foldCase(name)} already exists on network ${network.name}`,
  );
}

export function stillProvided(service: Service, providers: readonly Endpoint[]): FairleadError {
  const names = providers.map(({ containerName, containerId }) => `${containerName} ${shortId(containerId)}`);
  return new FairleadError(
    'forbidden',
    `service with name ${service.name} id ${service.id} has active containers` +
      `${names.length > 0 ? ` (${names.join(', ')})` : ''}; detach first, or use -f`,
  );
}
