import { isDeepStrictEqual } from 'node:util';
import { dnsPolicyOption } from '../../cluster/endpoints/dns-policy.ts';
import { checkEndpointOptions } from '../../cluster/endpoints/options.ts';
import type { Endpoint, Network, Service } from '../../cluster/records.ts';
import type { Attachment, Container } from '../../container/container.ts';
import { FairleadError } from '../../lib/errors.ts';
import { isFullId } from '../../lib/ids.ts';
import { parseName } from '../../lib/names.ts';
import type { NetworkContext } from '../context.ts';
import { alreadyProvided, providerOf } from '../endpoints/plan.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import type { AttachOptions, EndpointSettings, Naming } from '../model.ts';
import type { Networks } from '../networks/networks.ts';
import { type Converger, refuseHost, type Wish } from './converger.ts';

/** What containers are to be on: each operation says what a container's attachments shall be, and has that converged. */
export class Attachments {
  constructor(
    protected readonly parts: NetworkContext,
    private readonly networks: Networks,
    private readonly endpoints: EndpointStore,
    protected readonly converger: Converger,
  ) {}

  async connect(network: Network, id: string, settings: EndpointSettings): Promise<void> {
    const wanted = wantedOn(network, settings);
    await this.#change(id, async (container) => {
      this.converger.refuse(container, network);
      const present = container.attachments.find(
        (one) => one.serviceId === undefined && this.#isOn(one, network),
      );
      if (present && container.state.status === 'running') {
        throw new FairleadError(
          'forbidden',
          `endpoint with name ${container.name} already exists in network ${network.name}`,
        );
      }
      // Connecting a stopped container again replaces what it asked for, as the Engine does.
      return { attachments: (now) => [...now.filter((one) => !isDeepStrictEqual(one, present)), wanted] };
    });
  }

  async disconnect(network: Network, id: string): Promise<void> {
    await this.#change(id, async (container) => {
      refuseHost(network);
      const gone = container.attachments.filter((one) => this.#isOn(one, network));
      if (gone.length === 0) {
        throw new FairleadError('forbidden', `container ${id} is not connected to network ${network.name}`);
      }
      return this.#without(network, gone);
    });
  }

  /**
   * Takes a container that does not run off a network that has gone, by the name or the id that it has kept of it.
   * @returns false where it has kept none, or runs
   */
  async forget(ref: string, id: string): Promise<boolean> {
    let isForgotten = false;
    await this.#change(id, async ({ attachments, state }) => {
      const stays = attachments.filter(({ network, networkName }) => network !== ref && networkName !== ref);
      isForgotten = state.status !== 'running' && stays.length < attachments.length;
      return isForgotten ? { attachments: () => stays } : {};
    });
    return isForgotten;
  }

  /** Makes the container the service's provider; if it is not running, at its next start. */
  async attach(
    service: Service,
    network: Network,
    id: string,
    { standby = false }: AttachOptions = {},
  ): Promise<void> {
    if (standby && service.shared) throw notExclusive(service, network);
    await this.#change(id, async (container) => {
      if (container.attachments.some(({ serviceId }) => serviceId === service.id))
        throw alreadyAttached(container, service, network);
      this.converger.refuse(container, network, service);
      if (!standby) await refuseProvided(this.networks, service, network);
      const wanted = {
        ...{ network: network.id, networkName: network.name, serviceId: service.id, aliases: [] },
        ...(standby ? { standby: {} } : {}),
      };
      return { attachments: (now) => [...now, wanted], service };
    });
  }

  async detach(service: Service, network: Network, id: string): Promise<void> {
    await this.#change(id, async (container) => {
      const gone = container.attachments.filter(({ serviceId }) => serviceId === service.id);
      if (gone.length === 0) throw notAttached(container, service, network);
      return this.#without(network, gone);
    });
  }

  /** Takes a provider off whoever it is: a container of this host, or the record of one that is elsewhere or gone. */
  async evict(network: Network, endpoint: Endpoint): Promise<void> {
    const container = this.parts.runtime.get(endpoint.containerId);
    const isIt = (one: Attachment) => one.endpoint?.id === endpoint.id;
    if (container?.attachments.some(isIt)) {
      await this.#change(container.id, async (now) => this.#without(network, now.attachments.filter(isIt)));
    } else {
      await this.parts.locks.shared(() => this.endpoints.withdraw(network, endpoint));
    }
  }

  /**
   * Replaces the aliases on its own attachment to each network that `on` selects, which it does not leave for that; of
   * services that it backs none is touched.
   */
  async setAliases(id: string, naming: Naming, on: (network: Network) => boolean): Promise<void> {
    for (const alias of naming.aliases) parseName('alias', alias);
    const named = (one: Attachment) => {
      const network = this.networks.named(one.network);
      return network && one.serviceId === undefined && on(network) ? withNaming(one, naming) : one;
    };
    await this.#change(id, async () => ({ attachments: (now) => now.map(named), check: 'records' }));
  }

  /** Shows a container's new name or health to the others on its networks. Before: under its lock. */
  async show(id: string): Promise<void> {
    await this.converger.converge(id, { check: 'records' });
  }

  /** Under the container's lock. */
  async #change(id: string, wish: (container: Container) => Promise<Wish>): Promise<void> {
    await this.converger.exclusively(id, async () => {
      await this.converger.converge(id, await wish(this.converger.require(id)));
    });
  }

  /** What a person asked to take away must really go, so the store must be there now. */
  #without(network: Network, gone: readonly Attachment[]) {
    const isMade = gone.some(({ endpoint }) => endpoint) && this.networks.isOurs(network);
    if (isMade) this.parts.directory.reachable(network.scope);
    const isGone = (one: Attachment) => gone.some((other) => isDeepStrictEqual(one, other));
    return { attachments: (now: readonly Attachment[]) => now.filter((one) => !isGone(one)) };
  }

  /** Also on one that went meanwhile, and whose name the network has now. */
  #isOn({ network: ref, networkName }: Attachment, network: Network): boolean {
    if (ref === network.id) return true;
    const name = isFullId(ref) && !this.parts.directory.network(ref) ? networkName : ref;
    return name !== undefined && this.networks.named(name)?.id === network.id;
  }
}

/** @throws invalid */
function wantedOn(network: Network, settings: EndpointSettings): Attachment {
  const aliases = (settings.aliases ?? []).map((alias) => parseName('alias', alias));
  checkEndpointOptions(settings);
  return { ...settings, aliases, network: network.id, networkName: network.name };
}

/** @throws conflict while another container has the exclusive service */
export async function refuseProvided(networks: Networks, service: Service, network: Network): Promise<void> {
  const provider = await providerOf(networks, service, network);
  if (provider) throw alreadyProvided(service, provider);
}

/** @returns why a shared service has no standby */
export function notExclusive({ name }: Service, network: Network): FairleadError {
  return new FairleadError(
    'invalid',
    `service ${name}.${network.name} is shared: every container that is attached to it provides it; ` +
      'only an exclusive service has a standby',
  );
}

function alreadyAttached({ name }: Container, service: Service, network: Network): FairleadError {
  return new FairleadError(
    'conflict',
    `container ${name} is already attached to service ${service.name} on network ${network.name}`,
  );
}

function notAttached({ id, name }: Container, service: Service, network: Network): FairleadError {
  return new FairleadError(
    'invalid',
    `invalid container id ${id}: container ${name} is not attached to service ` +
      `${service.name} on network ${network.name}`,
  );
}

/** The endpoint that is left of a container that is gone: named by its name, id or endpoint id. @throws not-found */
export async function endpointOfGone(networks: Networks, network: Network, ref: string): Promise<Endpoint> {
  const found = (await networks.endpoints(network.id)).find(
    ({ id, containerId, containerName }) =>
      [id, containerName, containerId].includes(ref) || (ref.length >= 12 && containerId.startsWith(ref)),
  );
  if (found && networks.isOurs(network)) return found;
  throw new FairleadError('not-found', `endpoint ${ref} not found on network ${network.name}`);
}

/** The policy is an endpoint option like any other, so a restart keeps it and `inspect` shows it. */
function withNaming(attachment: Attachment, { aliases, dnsPolicy }: Naming): Attachment {
  if (dnsPolicy === undefined) return { ...attachment, aliases };
  const driverOptions = { ...attachment.driverOptions, [dnsPolicyOption]: dnsPolicy };
  return { ...attachment, aliases, driverOptions };
}
