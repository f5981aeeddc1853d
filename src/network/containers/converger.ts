import type { Endpoint, Network, Service } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import { FairleadError, isKind, messageOf } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import type { NetworkContext } from '../context.ts';
import { isStandby } from '../endpoints/candidates.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import type { Networks } from '../networks/networks.ts';

export interface Wish {
  /** What the container is to be on from now on; absent: what its record says. */
  readonly attachments?: (now: readonly Attachment[]) => readonly Attachment[];
  /** Where it is known already: the service that a new attachment backs. */
  readonly service?: Service;
  /** It does not run yet, and its sandbox is ready. */
  readonly isStarting?: boolean;
  /** What stays is compared as well: `records` with the store, `all` with the kernel, too. */
  readonly check?: 'records' | 'all';
  /** It takes over the exclusive service that it stands by for, whoever comes before it. */
  readonly takeOver?: TakeOver;
  /** Host ends that the kernel is known to have as they should be. */
  readonly present?: ReadonlySet<string>;
}

export interface TakeOver {
  readonly serviceId: string;
  /** Absent: nobody had it. */
  readonly tookOver?: Endpoint['tookOver'];
}

/**
 * The one way to change what a container is on: say it as a wish, and have it converged. The two kinds differ in who
 * moves the interface: the daemon (converge.ts), or an Engine (engine/converge.ts).
 */
export abstract class Converger {
  constructor(
    protected readonly parts: NetworkContext,
    protected readonly networks: Networks,
    protected readonly endpoints: EndpointStore,
  ) {}

  /** Operations of one container never overlap. */
  exclusively<T>(id: string, operation: () => Promise<T>): Promise<T> {
    const { locks } = this.parts;
    return locks.shared(() => locks.run('container', id, operation));
  }

  /** With all that it is to be on. @throws not-found */
  require(id: string): Container {
    const container = this.parts.runtime.get(id);
    if (!container) throw new FairleadError('not-found', `No such container: ${shortId(id)}`);
    return container;
  }

  /** Before anything changes. @throws why the container cannot be on the network, or back the service there */
  abstract refuse(container: Container, network: Network, service?: Service): void;

  /**
   * Before: under the container's lock. When it throws for what was to come, that is taken back.
   * @returns what it did
   */
  abstract converge(id: string, wish?: Wish): Promise<readonly string[]>;

  /** Has `keep` put each again as it was. @returns those that the container still has */
  protected async keepEach(
    container: Container,
    wanted: readonly Attachment[],
    keep: (attachment: Attachment) => Promise<Attachment>,
  ): Promise<readonly Attachment[]> {
    const stays: Attachment[] = [];
    for (const attachment of wanted) {
      try {
        stays.push(await keep(attachment));
      } catch (error) {
        // With the KV store away there is nothing to be said against this one, and the others come next.
        if (isKind(error, 'unavailable')) stays.push(attachment);
        else if (isKind(error, 'conflict') && isStandby(attachment)) stays.push(withoutMade(attachment));
        else if (isKind(error, 'conflict') || isKind(error, 'not-found'))
          this.#sayLost(container, attachment, error);
        else throw error;
      }
    }
    return stays;
  }

  protected serviceOf({ serviceId }: Attachment, { service }: Wish): Service | undefined {
    if (serviceId === undefined) return undefined;
    if (service?.id === serviceId) return service;
    return this.parts.directory.services().find(({ id }) => id === serviceId);
  }

  protected whereIs({ network, networkName, serviceId, endpoint }: Attachment): string {
    const name = this.parts.directory.network(network)?.name ?? networkName ?? shortId(network);
    return serviceId === undefined ? name : `${endpoint?.name ?? 'a service'}.${name}`;
  }

  protected report({ name }: Container, did: readonly string[]): readonly string[] {
    if (did.length > 0) this.parts.log.info(`container ${name} ${did.join('; ')}`);
    return did;
  }

  /** What went to somebody else, or went, while this node was away: people must be able to find out. */
  #sayLost({ id: container, name }: Container, attachment: Attachment, error: unknown): void {
    const { network, serviceId } = attachment;
    const where = this.whereIs(attachment);
    const reason = messageOf(error);
    this.parts.log.warn({ err: error }, `container ${name} is detached from ${where}: ${reason}`);
    this.parts.events.emit({
      Type: serviceId === undefined ? 'network' : 'service',
      Action: 'lost',
      Actor: { ID: serviceId ?? network, Attributes: { name: where, container, reason } },
      scope: this.parts.directory.network(network)?.scope ?? 'global',
    });
  }
}

/** What is wanted of it. */
export function withoutMade({ endpoint: _, interface: __, ...wanted }: Attachment): Attachment {
  return wanted;
}

/** @throws invalid, in the Engine's words */
export function refuseHost({ driver }: Network): void {
  if (driver !== 'host') return;
  throw new FairleadError(
    'invalid',
    'container cannot be disconnected from host network or connected to host network',
  );
}
