import { isDeepStrictEqual } from 'node:util';
import { nextOrder } from '../../cluster/endpoints/standby.ts';
import { keys } from '../../cluster/keys.ts';
import type { Candidate, Network } from '../../cluster/records.ts';
import { commitWithRetry } from '../../cluster/retry.ts';
import type { Attachment, Container } from '../../container/container.ts';
import { FairleadError, isKind, messageOf } from '../../lib/errors.ts';
import { timestamp } from '../../lib/time.ts';
import type { NetworkContext } from '../context.ts';

/** An attachment to an exclusive service that its container has only while it is its turn. */
export type StandbyAttachment = Attachment & Required<Pick<Attachment, 'serviceId' | 'standby'>>;

export function isStandby(attachment: Attachment): attachment is StandbyAttachment {
  return attachment.standby !== undefined && attachment.serviceId !== undefined;
}

/** Containers of this node that stand by for services, in the store: all nodes see who is next. */
export class CandidateStore {
  constructor(private readonly parts: NetworkContext) {}

  /**
   * Puts the candidate's record, if it is not there as it should be. An order that it has once is its own for good.
   * @returns the attachment with its order
   * @throws not-found when the service is gone; unavailable
   */
  async keep(container: Container, network: Network, wanted: StandbyAttachment): Promise<StandbyAttachment> {
    const { directory, nodeLease } = this.parts;
    const id = { networkId: network.id, serviceId: wanted.serviceId, containerId: container.id };
    const key = keys.candidate(id);
    const ordered = (order: number) => ({ ...wanted, standby: { order } });
    const known = directory.candidateEntry(id);
    const wish = this.#recordOf(container, network, wanted, known?.record);
    this.#serviceEntry(network, wanted.serviceId);
    const lease = nodeLease.lease(network.scope);
    if (known?.lease === lease.id && isDeepStrictEqual(known.record, wish)) return ordered(wish.order);
    const put = await commitWithRetry(
      directory,
      network.scope,
      `stand by with ${container.name}`,
      async () => {
        const { record: service, version } = this.#serviceEntry(network, wanted.serviceId);
        const record = this.#recordOf(container, network, wanted, directory.candidateEntry(id)?.record);
        return {
          result: record,
          // One that is being unpublished gets no candidates any more.
          checks: [{ key: keys.service(network.id, service.name), expect: 'version', version }],
          writes: [{ op: 'put', key, value: JSON.stringify(record), lease: nodeLease.lease(network.scope) }],
        };
      },
    );
    return ordered(put.order);
  }

  /** With the store away the record stays until the lease ends or the next sweep: it only keeps the next waiting a little. */
  async withdraw(network: Network, candidate: Pick<Candidate, 'serviceId' | 'containerId'>): Promise<void> {
    const { directory, log } = this.parts;
    const key = keys.candidate({ networkId: network.id, ...candidate });
    try {
      await directory.commit(network.scope, [], [{ op: 'delete', key }]);
    } catch (error) {
      if (!isKind(error, 'unavailable')) throw error;
      log.debug({ error: messageOf(error) }, 'a standby stays in the store for now');
    }
  }

  #recordOf(
    { id: containerId, name: containerName, health }: Container,
    { id: networkId }: Network,
    { serviceId, standby }: StandbyAttachment,
    known: Candidate | undefined,
  ): Candidate {
    const { directory, nodeLease, clock } = this.parts;
    const all = directory.candidatesOf(serviceId);
    return {
      networkId,
      serviceId,
      containerId,
      containerName,
      nodeId: nodeLease.self.id,
      order: standby.order ?? known?.order ?? nextOrder(all),
      since: known?.since ?? timestamp(clock.now()),
      ready: health === undefined || health === 'healthy',
    };
  }

  #serviceEntry(network: Network, serviceId: string) {
    const { directory } = this.parts;
    const service = directory.services().find(({ id }) => id === serviceId);
    const entry = service && directory.serviceEntry(network.id, service.name);
    if (entry) return entry;
    directory.requireComplete('its service');
    throw new FairleadError('not-found', 'the service is published no longer');
  }
}
