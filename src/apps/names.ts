import type { Endpoint } from '../cluster/records.ts';
import type { Container } from '../container/runtime.ts';
import { withoutPrefix } from '../lib/addresses.ts';
import type { Naming, Networks } from '../network/model.ts';
import { isCalled } from './deploy/placement.ts';

/** A name that the others on the network reach a process by. */
export interface ReachableName {
  readonly process: string;
  readonly network: string;
  readonly name: string;
  readonly addresses: readonly string[];
}

/**
 * What resolves now, whichever host the containers are on; sorted by process, network and name.
 * @throws unavailable when the KV store cannot be reached for a network that this host is not on
 */
export async function reachableNames(
  networks: Networks,
  app: string,
  processes: readonly string[],
): Promise<readonly ReachableName[]> {
  const found: ReachableName[] = [];
  for (const network of networks.list()) {
    const endpoints = (await networks.endpoints(network.id)).filter(({ healthy }) => healthy);
    for (const process of processes) {
      for (const name of aliasesOf(endpoints, `${app}.${process}`)) {
        const holders = endpoints.filter(({ aliases }) => aliases.includes(name));
        found.push({ process, network: network.name, name, addresses: holders.flatMap(addressesOf).sort() });
      }
    }
  }
  return found.sort((a, b) => keyOf(a).localeCompare(keyOf(b)));
}

/**
 * What a container has been called so far on any of its networks: properties that were changed since hold from the next
 * rebuild on. Undefined for one that has no name yet.
 */
export async function givenNaming(
  networks: Networks,
  { attachments }: Container,
  stem: string,
): Promise<Naming | undefined> {
  for (const { network: ref, endpoint: own } of attachments) {
    const network = own && networks.list().find((one) => isCalled(one, ref));
    const endpoints = network ? await networks.endpoints(network.id) : [];
    const endpoint = endpoints.find(({ id }) => id === own?.id);
    const [alias] = endpoint ? aliasesOf([endpoint], stem) : [];
    if (alias === undefined) continue;
    return { aliases: [alias], ...(endpoint?.dnsPolicy ? { dnsPolicy: endpoint.dnsPolicy } : {}) };
  }
  return undefined;
}

function aliasesOf(endpoints: readonly Endpoint[], stem: string): ReadonlySet<string> {
  // A container of the Engine may have its own name, `APP.PROC_TYPE.1`, among its aliases.
  const all = endpoints.flatMap(({ aliases, containerName }) =>
    aliases.filter((alias) => alias !== containerName),
  );
  return new Set(all.filter((alias) => alias === stem || alias.startsWith(`${stem}.`)));
}

function addressesOf({ ipv4, ipv6 }: Endpoint): string[] {
  return [ipv4, ipv6].flatMap((cidr) => (cidr === undefined ? [] : [withoutPrefix(cidr)]));
}

function keyOf({ process, network, name }: ReachableName): string {
  return [process, network, name].join(' ');
}
