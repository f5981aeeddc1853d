import { keys } from '../cluster/keys.ts';
import type { DnsPolicy, Network } from '../cluster/records.ts';
import { commitWithRetry } from '../cluster/retry.ts';
import type { Membership } from '../container/runtime.ts';
import { parseName } from '../lib/names.ts';
import { dnsPolicyOf, dnsPolicyOption } from './dns-policy.ts';
import type { Networks } from './networks.ts';
import type { Parts } from './parts.ts';
import type { Places } from './places.ts';

export interface Naming {
  readonly aliases: readonly string[];
  /** Absent: what it is, stays. */
  readonly dnsPolicy?: DnsPolicy;
}

/**
 * Changes the aliases of a container that is on a network, without taking it off: its address stays, and DNS
 * follows at once.
 */
export class Aliases {
  constructor(
    private readonly parts: Parts,
    private readonly networks: Networks,
    private readonly places: Places,
  ) {}

  /** Replaces them on its own place on each network that `on` selects; of services that it backs none is touched. */
  async replace(containerId: string, naming: Naming, on: (network: Network) => boolean): Promise<void> {
    for (const alias of naming.aliases) parseName('alias', alias);
    await this.places.exclusively(containerId, async () => {
      for (const place of this.places.require(containerId).memberships) {
        const network = this.networks.named(place.network);
        if (!network || place.serviceId !== undefined || !on(network)) continue;
        const named = withNaming(place, naming);
        if (sameNaming(place, named)) continue;
        if (place.joined) await this.#putAliases(network.id, place.joined.endpointId, named);
        await this.places.change(containerId, (m) =>
          m.network === place.network && m.serviceId === undefined ? withNaming(m, naming) : m,
        );
      }
    });
  }

  async #putAliases(networkId: string, endpointId: string, named: Membership): Promise<void> {
    const { directory, nodeLease } = this.parts;
    const scope = directory.network(networkId)?.scope ?? 'local';
    await commitWithRetry(directory, scope, 'change aliases', async () => {
      const entry = directory.endpointEntry(networkId, endpointId);
      if (!entry) return { result: undefined, checks: [], writes: [] };
      const key = keys.endpoint(networkId, endpointId);
      const value = JSON.stringify({ ...entry.record, aliases: named.aliases, ...dnsPolicyOf(named) });
      return {
        result: undefined,
        checks: [{ key, expect: 'version', version: entry.version }],
        writes: [{ op: 'put', key, value, lease: nodeLease.lease(scope) }],
      };
    });
  }
}

/** The policy is an endpoint option like any other, so a restart keeps it and `inspect` shows it. */
function withNaming(place: Membership, { aliases, dnsPolicy }: Naming): Membership {
  if (dnsPolicy === undefined) return { ...place, aliases };
  return { ...place, aliases, driverOptions: { ...place.driverOptions, [dnsPolicyOption]: dnsPolicy } };
}

function sameNaming(a: Membership, b: Membership): boolean {
  const sameAliases =
    a.aliases.length === b.aliases.length && a.aliases.every((text, i) => text === b.aliases[i]);
  return sameAliases && dnsPolicyOf(a).dnsPolicy === dnsPolicyOf(b).dnsPolicy;
}
