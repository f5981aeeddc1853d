import type { Endpoint, Network, Service } from '../cluster/records.ts';
import type { Container, Membership } from '../container/runtime.ts';
import { FairleadError } from '../lib/errors.ts';
import { isFullId } from '../lib/ids.ts';
import { parseName } from '../lib/names.ts';
import type { Attachments } from './attachments.ts';
import { dnsPolicyOf } from './dns-policy.ts';
import { alreadyProvided } from './endpoint-plan.ts';
import type { EndpointSettings } from './model.ts';
import type { Networks } from './networks.ts';
import type { Parts } from './parts.ts';
import type { Places } from './places.ts';
import { providerOf } from './provider.ts';

/** Connects containers to networks and services, and takes them off. */
export class Connections {
  constructor(
    private readonly parts: Parts,
    private readonly networks: Networks,
    private readonly attachments: Attachments,
    private readonly places: Places,
  ) {}

  async connect(network: Network, id: string, settings: EndpointSettings): Promise<void> {
    const aliases = (settings.aliases ?? []).map((alias) => parseName('alias', alias));
    dnsPolicyOf(settings);
    await this.places.exclusively(id, async () => {
      const container = this.places.require(id);
      refuseSharedStack(container, network);
      const present = container.memberships.find((m) => this.#isOn(m, network) && m.serviceId === undefined);
      if (present && container.state.status === 'running') {
        throw new FairleadError(
          'forbidden',
          `endpoint with name ${container.name} already exists in network ${network.name}`,
        );
      }
      // Connecting a stopped container again replaces what it asked for, as the Engine does.
      if (present) await this.places.drop(container, [present]);
      await this.places.add(id, { ...settings, aliases, network: network.id }, network);
    });
  }

  async disconnect(network: Network, id: string): Promise<void> {
    await this.places.exclusively(id, async () => {
      const current = this.places.require(id);
      if (network.driver === 'host') {
        throw new FairleadError(
          'invalid',
          'container cannot be disconnected from host network or connected to host network',
        );
      }
      const places = current.memberships.filter((m) => this.#isOn(m, network));
      if (places.length === 0) {
        throw new FairleadError(
          'forbidden',
          `container ${current.id} is not connected to network ${network.name}`,
        );
      }
      this.#requireStore(network, places);
      await this.places.drop(current, places);
    });
  }

  /** Makes the container the service's provider; if it is not running, at its next start. */
  async attach(service: Service, network: Network, id: string): Promise<void> {
    await this.places.exclusively(id, async () => {
      const container = this.places.require(id);
      refuseSharedStack(container, network);
      if (container.memberships.some(({ serviceId }) => serviceId === service.id)) {
        throw new FairleadError(
          'conflict',
          `container ${container.name} is already attached to service ${service.name} on network ${network.name}`,
        );
      }
      const provider = await providerOf(this.networks, service, network);
      if (provider) throw alreadyProvided(service, provider);
      await this.places.add(
        id,
        { network: network.id, serviceId: service.id, aliases: [] },
        network,
        service,
      );
    });
  }

  async detach(service: Service, network: Network, id: string): Promise<void> {
    await this.places.exclusively(id, async () => {
      const container = this.places.require(id);
      const place = container.memberships.find(({ serviceId }) => serviceId === service.id);
      if (!place) {
        throw new FairleadError(
          'invalid',
          `invalid container id ${id}: container ${container.name} is not attached to service ` +
            `${service.name} on network ${network.name}`,
        );
      }
      this.#requireStore(network, [place]);
      await this.places.drop(container, [place]);
    });
  }

  /** Shows a container's new name or health to the others on its networks. */
  async show(container: Container): Promise<void> {
    await this.attachments.records.show(container);
  }

  /** Takes a provider off whoever it is: a container of this host, or the record of one that is elsewhere or gone. */
  async evict(network: Network, endpoint: Endpoint): Promise<void> {
    const container = this.parts.runtime.get(endpoint.containerId);
    const places = container?.memberships.filter(({ joined }) => joined?.endpointId === endpoint.id) ?? [];
    if (!container || places.length === 0) {
      await this.parts.locks.shared(() => this.attachments.records.withdraw(network, endpoint));
      return;
    }
    await this.places.exclusively(container.id, () =>
      this.places.drop(this.places.require(container.id), places),
    );
  }

  /** Takes off what is left of a container that is gone: named by its name, id or endpoint id. */
  async disconnectGone(network: Network, ref: string): Promise<void> {
    const endpoints = await this.networks.endpoints(network.id);
    const endpoint = endpoints.find(
      ({ id, containerId, containerName }) =>
        id === ref ||
        containerName === ref ||
        containerId === ref ||
        (ref.length >= 12 && containerId.startsWith(ref)),
    );
    if (!endpoint)
      throw new FairleadError('not-found', `endpoint ${ref} not found on network ${network.name}`);
    await this.evict(network, endpoint);
  }

  #isOn({ network: ref }: Membership, network: Network): boolean {
    if (ref === network.id) return true;
    return !isFullId(ref) && this.networks.named(ref)?.id === network.id;
  }

  /** What a person asked to take away must really go, so the store must be there now. */
  #requireStore(network: Network, places: readonly Membership[]): void {
    if (places.some(({ joined }) => joined)) this.parts.directory.reachable(network.scope);
  }
}

/** @throws invalid, in the Engine's words (docker-facts 5.3 #55-57) */
function refuseSharedStack({ spec: { networkMode } }: Container, network: Network): void {
  if (networkMode.kind === 'host' || networkMode.kind === 'container') {
    throw new FairleadError(
      'invalid',
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  }
  if (network.driver === 'host') {
    throw new FairleadError(
      'invalid',
      'container cannot be disconnected from host network or connected to host network',
    );
  }
  if (networkMode.kind === 'none' || network.driver === 'null') {
    throw new FairleadError(
      'invalid',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  }
}
