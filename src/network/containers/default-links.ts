import { parseLink } from '../../cluster/endpoints/links.ts';
import type { Attachment, Container } from '../../container/container.ts';
import { linkVariables } from '../../container/link-variables.ts';
import { addressOn, linkedBy, linkedPlace } from '../../container/linked.ts';
import { ownRuntime } from '../../container/runtime.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { NetworkContext } from '../context.ts';
import type { Networks } from '../networks/networks.ts';
import type { Converger } from './converger.ts';
import { filesFor } from './files.ts';

/** `--link` on the default network: what a start needs, what its program learns, and `docker rm --link`. */
export class DefaultLinks {
  constructor(
    private readonly parts: NetworkContext,
    private readonly networks: Networks,
    private readonly converger: Converger,
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
        const where = `default ${network.name} network`;
        throw new FairleadError('conflict', `container ${target.id} not attached to ${where}`);
      }
    }
  }

  /** Once it is on its networks: its program is to have the variables of what it has linked. */
  async settle(container: Container): Promise<Container> {
    const place = linkedPlace(container);
    if (!place) return container;
    const linked = linkedBy(container, this.parts.runtime.list());
    const variables = linked.flatMap((one) => linkVariables(container.name, one));
    const attachments = container.attachments.map((one) => (one === place ? { ...one, variables } : one));
    return await this.parts.runtime.update(container.id, { attachments });
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

  /** @throws not-found, in the Engine's words */
  async unlink(ref: string, alias: string): Promise<void> {
    const missing = () => new FairleadError('not-found', `No such container: ${ref}/${alias}`);
    const found = this.parts.runtime.list().find(({ id, name }) => name === ref || id === ref);
    if (!found) throw missing();
    await this.converger.exclusively(found.id, async () => {
      const place = linkedPlace(this.converger.require(found.id));
      const links = place?.links?.filter((link) => parseLink(link).alias !== alias) ?? [];
      if (!place?.links || links.length === place.links.length) throw missing();
      const { links: _, ...rest } = place;
      const left: Attachment = links.length === 0 ? rest : { ...rest, links };
      const attachments = (now: readonly Attachment[]) => now.map((one) => (one === place ? left : one));
      await this.converger.converge(found.id, { attachments, check: 'records' });
      const container = this.converger.require(found.id);
      if (container.state.status !== 'running') return;
      const files = filesFor(container, this.parts.runtime.list());
      await ownRuntime(this.parts.runtime).setFiles(container.id, files);
    });
  }
}
