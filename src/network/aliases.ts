import { keys } from '../cluster/keys.ts';
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

  /** Replaces them on the container's own place; of services that it backs none is touched. @throws not-found */
  async replace(networkRef: string, containerId: string, aliases: readonly string[]): Promise<void> {
    const network = this.networks.find(networkRef);
    for (const alias of aliases) parseName('alias', alias);
    await this.places.exclusively(containerId, async () => {
      const { memberships } = this.places.require(containerId);
      const place = memberships.find(
        ({ network: ref, serviceId }) =>
          serviceId === undefined && this.networks.named(ref)?.id === network.id,
      );
      if (!place || sameTexts(place.aliases, aliases)) return;
      if (place.joined) await this.#putAliases(network.id, place.joined.endpointId, aliases);
      await this.places.change(containerId, (m) => (m === place ? { ...m, aliases } : m));
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
