import { rankOf } from '../../cluster/endpoints/standby.ts';
import type { Attachment, Container } from '../../container/container.ts';
import type { NetworkContext } from '../context.ts';
import type { Networks } from '../networks/networks.ts';
import { CandidateStore, isStandby, type StandbyAttachment } from './candidates.ts';

type KeepEach = (
  wanted: readonly Attachment[],
  keep: (attachment: Attachment) => Promise<Attachment>,
) => Promise<readonly Attachment[]>;

/** The part of converge that shows the cluster which services a container stands by for, and asks whose turn it is. */
export class StandbySide {
  readonly #candidates: CandidateStore;

  constructor(
    private readonly parts: NetworkContext,
    private readonly networks: Networks,
  ) {
    this.#candidates = new CandidateStore(parts);
  }

  /** @returns all, those that stand by with their orders */
  async keep(
    container: Container,
    wanted: readonly Attachment[],
    keepEach: KeepEach,
  ): Promise<readonly Attachment[]> {
    if (!wanted.some(isStandby)) return wanted;
    return await keepEach(wanted, async (attachment) => {
      if (!isStandby(attachment)) return attachment;
      const network = this.networks.find(attachment.network);
      // Whoever stands by sees the endpoint come and go: the network is followed, and ready for a takeover.
      return await this.parts.presence.during(network, () =>
        this.#candidates.keep(container, network, attachment),
      );
    });
  }

  /** Of what the container stood by for and is not to any longer. */
  standingDown({ id, attachments }: Pick<Container, 'id' | 'attachments'>, wanted: readonly Attachment[]) {
    const stays = new Set(wanted.filter(isStandby).map(({ serviceId }) => serviceId));
    const gone = attachments.filter(isStandby).filter(({ serviceId }) => !stays.has(serviceId));
    return gone.map(({ network: ref, serviceId }) => async () => {
      const network = this.parts.directory.network(ref);
      if (!network) return;
      await this.#candidates.withdraw(network, { serviceId, containerId: id });
      await this.parts.presence.converge(network.id);
    });
  }

  /** Nobody has the service, and nobody who could comes before the container. */
  isTurn({ id }: Container, { serviceId }: StandbyAttachment): boolean {
    const { directory } = this.parts;
    const service = directory.services().find((one) => one.id === serviceId);
    if (!service || directory.endpointEntry(service.networkId, service.endpointId)) return false;
    const all = directory.candidatesOf(serviceId);
    return rankOf(service, all, id) === 0;
  }
}
