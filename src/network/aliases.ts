import { keys } from '../cluster/keys.ts';
import type { Network } from '../cluster/records.ts';
import { commitWithRetry } from '../cluster/retry.ts';
import { parseName } from '../lib/names.ts';
import type { Networks } from './networks.ts';
import type { Parts } from './parts.ts';
import type { Places } from './places.ts';

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
  async replace(
    containerId: string,
    aliases: readonly string[],
    on: (network: Network) => boolean,
  ): Promise<void> {
    for (const alias of aliases) parseName('alias', alias);
    await this.places.exclusively(containerId, async () => {
      for (const place of this.places.require(containerId).memberships) {
        const network = this.networks.named(place.network);
        if (!network || place.serviceId !== undefined || !on(network)) continue;
        if (sameTexts(place.aliases, aliases)) continue;
        if (place.joined) await this.#putAliases(network.id, place.joined.endpointId, aliases);
        await this.places.change(containerId, (m) =>
          m.network === place.network && m.serviceId === undefined ? { ...m, aliases } : m,
        );
      }
    });
  }

  async #putAliases(networkId: string, endpointId: string, aliases: readonly string[]): Promise<void> {
    const { directory, membership } = this.parts;
    const scope = directory.network(networkId)?.scope ?? 'local';
    await commitWithRetry(directory, scope, 'change aliases', async () => {
      const entry = directory.endpointEntry(networkId, endpointId);
      if (!entry) return { result: undefined, checks: [], writes: [] };
      const key = keys.endpoint(networkId, endpointId);
      const value = JSON.stringify({ ...entry.record, aliases });
      return {
        result: undefined,
        checks: [{ key, expect: 'version', version: entry.version }],
        writes: [{ op: 'put', key, value, lease: membership.lease(scope) }],
      };
    });
  }
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
