import { keys } from '../cluster/keys.ts';
import { commitWithRetry } from '../cluster/retry.ts';
import { type Container, type Membership, ownRuntime } from '../container/runtime.ts';
import { FairleadError } from '../lib/errors.ts';
import { filesFor } from './container-network.ts';
import { linkVariables } from './link-variables.ts';
import { addressOn, linkedBy, linkedPlace } from './linked.ts';
import { linksOf, parseLink } from './links.ts';
import type { Networks } from './networks.ts';
import type { Parts } from './parts.ts';
import type { Places } from './places.ts';

export class DefaultLinks {
  constructor(
    private readonly parts: Parts,
    private readonly networks: Networks,
    private readonly places: Places,
  ) {}

  /** Before the start. @throws conflict, in the Engine's words, unless every target runs on the same network */
  require(container: Container): void {
    const place = linkedPlace(container);
    if (!place) return;
    const network = this.networks.find(place.network);
    const all = this.parts.runtime.list();
    for (const { target: ref, alias } of (place.links ?? []).map(parseLink)) {
      const target = all.find(({ id }) => id.startsWith(ref));
      if (target?.state.status !== 'running') {
        const names = `/${target?.name ?? ref} AS /${container.name}/${alias}`;
        throw new FairleadError('conflict', `Cannot link to a non running container: ${names}`);
      }
      if (addressOn(target, network.id) === undefined) {
        throw new FairleadError(
          'conflict',
          `container ${target.id} not attached to default ${network.name} network`,
        );
      }
    }
  }

  /** Once it has joined its networks: its program is to have the variables of what it has linked. */
  async settle(container: Container): Promise<Container> {
    const linked = linkedBy(container, this.parts.runtime.list());
    const variables = linked.flatMap((one) => linkVariables(container.name, one));
    const place = linkedPlace(container);
    if (!place) return container;
    await this.places.change(container.id, (m) => (m === place ? { ...m, variables } : m));
    return this.places.require(container.id);
  }

  /** After a start: it may have another address than before. */
  async started(id: string): Promise<void> {
    const all = this.parts.runtime.list();
    for (const container of all) {
      if (container.state.status !== 'running') continue;
      if (!linkedBy(container, all).some(({ target }) => target.id === id)) continue;
      await ownRuntime(this.parts.runtime).setFiles(container.id, filesFor(container, all));
    }
  }

  /** `docker rm --link`. @throws not-found, in the Engine's words */
  async unlink(ref: string, alias: string): Promise<void> {
    const missing = () => new FairleadError('not-found', `No such container: ${ref}/${alias}`);
    const found = this.parts.runtime.list().find(({ id, name }) => name === ref || id === ref);
    if (!found) throw missing();
    await this.places.exclusively(found.id, async () => {
      const container = this.places.require(found.id);
      const place = linkedPlace(container);
      const links = place?.links?.filter((link) => parseLink(link).alias !== alias) ?? [];
      if (!place?.links || links.length === place.links.length) throw missing();
      const { links: _, ...rest } = place;
      const left: Membership = links.length === 0 ? rest : { ...rest, links };
      if (place.joined) await this.#putLinks(place.network, place.joined.endpointId, left);
      await this.places.change(container.id, (m) => (m === place ? left : m));
      if (container.state.status !== 'running') return;
      const all = this.parts.runtime.list();
      const files = filesFor(this.places.require(container.id), all);
      await ownRuntime(this.parts.runtime).setFiles(container.id, files);
    });
  }

  async #putLinks(networkId: string, endpointId: string, place: Membership): Promise<void> {
    const { directory, nodeLease } = this.parts;
    const scope = directory.network(networkId)?.scope ?? 'local';
    await commitWithRetry(directory, scope, 'remove a link', async () => {
      const entry = directory.endpointEntry(networkId, endpointId);
      if (!entry) return { result: undefined, checks: [], writes: [] };
      const { links: _, ...record } = entry.record;
      const key = keys.endpoint(networkId, endpointId);
      const value = JSON.stringify({ ...record, ...linksOf(place) });
      return {
        result: undefined,
        checks: [{ key, expect: 'version', version: entry.version }],
        writes: [{ op: 'put', key, value, lease: nodeLease.lease(scope) }],
      };
    });
  }
}
