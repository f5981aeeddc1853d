import { inLine, rankOf, reasonToYield } from '../../cluster/endpoints/standby.ts';
import type { Candidate, Endpoint, Network, Scope, Service } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import type { Timer } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { apart } from '../../lib/locks.ts';
import { type Converger, withoutMade } from '../containers/converger.ts';
import type { NetworkContext } from '../context.ts';
import { isStandby } from '../endpoints/candidates.ts';
import { promote } from '../services/promotion.ts';

/** How long each waits for those before it in line, in milliseconds: they may be dead with their node's lease alive. */
const patienceMs = 250;
/** Before another try when a takeover failed here, in milliseconds. */
const retryMs = 1000;

/**
 * Exclusive services of which a container of this node is a candidate: whoever is first in line takes the service when
 * nobody has it, and its holder lets go when it is unhealthy, when another is promoted, or when this node may not speak
 * for it any longer. Who has it is decided by one create-if-absent in the store; this only decides who tries when.
 */
export class Standby {
  readonly #timers = new Map<string, Timer>();
  /** Service → who had it when it was looked at last. */
  readonly #holders = new Map<string, Endpoint>();
  readonly #looks = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  readonly #subscription: () => void;
  #isClosed = false;

  constructor(
    private readonly parts: NetworkContext,
    private readonly converger: Converger,
  ) {
    this.#subscription = parts.directory.subscribe((networkIds) => this.#changed(networkIds));
    parts.nodeLease.onDoubt((scope) => this.#fence(scope));
  }

  /** At the start, after the first reconcile: an earlier life's lease may have ended, and nobody can say whether it has. */
  begin(): void {
    if (!this.parts.nodeLease.hasLease('global')) this.#fence('global');
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#subscription();
    for (const timer of this.#timers.values()) timer.cancel();
    await Promise.all(this.#looks.values());
  }

  #changed(networkIds: ReadonlySet<string>): void {
    // Most networks have none, and changes are many.
    const touched = this.parts.directory.candidates().filter(({ networkId }) => networkIds.has(networkId));
    for (const serviceId of new Set(touched.map((one) => one.serviceId))) this.#look(serviceId);
  }

  /** One look at a service after another; what changes meanwhile is looked at once more. */
  #look(serviceId: string, isOverdue = false): void {
    if (this.#isClosed) return;
    if (this.#looks.has(serviceId)) return void this.#again.add(serviceId);
    const look = apart(() => this.#examine(serviceId, isOverdue))
      .catch((error: unknown) => {
        this.parts.log.warn({ err: error }, `standby: ${messageOf(error)}`);
        this.#later(serviceId, retryMs);
      })
      .finally(() => {
        this.#looks.delete(serviceId);
        if (this.#again.delete(serviceId)) this.#look(serviceId);
      });
    this.#looks.set(serviceId, look);
  }

  async #examine(serviceId: string, isOverdue: boolean): Promise<void> {
    const { directory } = this.parts;
    const service = directory.services().find(({ id }) => id === serviceId);
    const network = service && directory.network(service.networkId);
    if (!service || !network) return await this.#forget(serviceId);
    const holder = directory.endpointEntry(network.id, service.endpointId)?.record;
    const candidates = directory.candidatesOf(serviceId);
    if (!holder) return await this.#fill({ service, network, candidates }, isOverdue);
    this.#cancel(serviceId);
    this.#holders.set(serviceId, holder);
    await this.#examineHolder({ service, network, candidates }, holder);
  }

  /** Unpublished: nobody stands by for it any more. */
  async #forget(serviceId: string): Promise<void> {
    this.#cancel(serviceId);
    this.#holders.delete(serviceId);
    for (const { id } of this.#here(serviceId))
      await this.converger.exclusively(id, () => this.converger.converge(id, { check: 'records' }));
  }

  /** Nobody has it: the first in line here takes it, at once or when those before it had their time. */
  async #fill({ service, network, candidates }: Group, isOverdue: boolean): Promise<void> {
    const here = new Set(this.#here(service.id).map(({ id }) => id));
    const first = inLine(service, candidates).find(({ containerId }) => here.has(containerId));
    if (!first) return;
    const rank = rankOf(service, candidates, first.containerId) ?? 0;
    if (rank > 0 && !isOverdue) return this.#later(service.id, rank * patienceMs, true);
    const from = this.#holders.get(service.id);
    const tookOver =
      from && from.containerId !== first.containerId
        ? { from: from.containerName, why: this.#whyOf(from, service, candidates) }
        : undefined;
    const takeOver = { serviceId: service.id, ...(tookOver ? { tookOver } : {}) };
    const { containerId: id } = first;
    const isIts = (one: Attachment) => one.serviceId === service.id && one.endpoint !== undefined;
    const has = () => this.parts.runtime.get(id)?.attachments.some(isIts) ?? false;
    await this.converger.exclusively(id, async () => {
      if (this.parts.runtime.get(id) && !has()) await this.converger.converge(id, { takeOver });
    });
    if (has()) this.#emit({ service, network }, 'takeover', { container: id, ...tookOver });
  }

  async #examineHolder({ service, network, candidates }: Group, holder: Endpoint): Promise<void> {
    const id = holder.containerId;
    if (!this.#here(service.id).some((one) => one.id === id)) return;
    const isIts = (one: Attachment) => one.serviceId === service.id;
    // It was there before any standby: now it is the first of them.
    const joins = (one: Attachment) => (isIts(one) && !one.standby ? { ...one, standby: { order: 0 } } : one);
    const reason = reasonToYield(service, candidates, id);
    const yields = (one: Attachment) => (isIts(one) ? withoutMade(one) : one);
    const isMember = candidates.some(({ containerId }) => containerId === id);
    if (isMember && !reason) return await this.#settlePromotion(service, network, id);
    await this.converger.exclusively(id, () =>
      this.converger.converge(id, { attachments: (now) => now.map(reason ? yields : joins) }),
    );
    if (reason) this.#emit({ service, network }, 'release', { container: id, reason });
  }

  /** What was to be done once is done. */
  async #settlePromotion(service: Service, network: Network, holderId: string): Promise<void> {
    const { promoted } = service;
    if (!promoted || promoted.preempt || promoted.containerId !== holderId) return;
    await promote(this.parts, service, network, undefined);
  }

  /**
   * Another node may soon take the service over without asking this one, whose lease could not be renewed: the holder here
   * is taken off. That there is no candidate elsewhere is not known any more: one may have been attached there.
   */
  #fence(scope: Scope): void {
    const { directory, log, runtime } = this.parts;
    if (scope === 'local') return;
    const isLost = (one: Attachment) =>
      one.endpoint !== undefined && isStandby(one) && directory.network(one.network)?.scope !== 'local';
    for (const { id, name } of runtime.list().filter(({ attachments }) => attachments.some(isLost))) {
      const attachments = (now: readonly Attachment[]) =>
        now.map((one) => (isLost(one) ? withoutMade(one) : one));
      log.warn(
        `container ${name} lets go of its service: this node's lease could not be renewed, and another may take it over`,
      );
      apart(() => this.converger.exclusively(id, () => this.converger.converge(id, { attachments }))).catch(
        (error: unknown) => log.error({ err: error }, `container ${name}: ${messageOf(error)}`),
      );
    }
  }

  /** Running containers of this node that back the service or stand by for it. */
  #here(serviceId: string): readonly Container[] {
    return this.parts.runtime
      .list()
      .filter(
        ({ state, attachments }) =>
          state.status === 'running' && attachments.some((one) => one.serviceId === serviceId),
      );
  }

  #whyOf({ containerId, nodeId }: Endpoint, { promoted }: Service, candidates: readonly Candidate[]): string {
    const { directory } = this.parts;
    if (promoted && promoted.containerId !== containerId) return 'promoted';
    const candidate = candidates.find((one) => one.containerId === containerId);
    if (candidate) return candidate.ready ? 'detached' : 'unhealthy';
    return directory.nodes().some(({ id }) => id === nodeId) ? 'ended' : 'its node is gone';
  }

  #later(serviceId: string, milliseconds: number, isOverdue = false): void {
    if (this.#timers.has(serviceId) || this.#isClosed) return;
    const look = () => {
      this.#timers.delete(serviceId);
      this.#look(serviceId, isOverdue);
    };
    this.#timers.set(serviceId, this.parts.clock.after(milliseconds, look));
  }

  #cancel(serviceId: string): void {
    this.#timers.get(serviceId)?.cancel();
    this.#timers.delete(serviceId);
  }

  #emit(
    { service, network }: Pick<Group, 'service' | 'network'>,
    Action: string,
    more: Record<string, string>,
  ): void {
    const Attributes = { name: service.name, network: network.name, ...more };
    this.parts.events.emit({
      Type: 'service',
      Action,
      Actor: { ID: service.id, Attributes },
      scope: network.scope,
    });
  }
}

interface Group {
  readonly service: Service;
  readonly network: Network;
  readonly candidates: readonly Candidate[];
}
