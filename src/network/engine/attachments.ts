import { isDeepStrictEqual } from 'node:util';
import type { Network, Service } from '../../cluster/records.ts';
import { FairleadError } from '../../lib/errors.ts';
import { parseName } from '../../lib/names.ts';
import { Attachments } from '../containers/attachments.ts';
import type { NetworkContext } from '../context.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import type { AttachOptions, EndpointSettings, Naming } from '../model.ts';
import type { Networks } from '../networks/networks.ts';
import type { AliasOverrides } from './alias-overrides.ts';
import { type EngineConverger, without } from './converge.ts';

/** What the Engine's containers are to be on, with what of it the Engine cannot know: services and further aliases. */
export class EngineAttachments extends Attachments {
  constructor(
    parts: NetworkContext,
    networks: Networks,
    endpoints: EndpointStore,
    converger: EngineConverger,
    private readonly overrides: AliasOverrides,
  ) {
    super(parts, networks, endpoints, converger);
  }

  /** @throws unsupported for what the Engine would drop without a word */
  override async connect(network: Network, id: string, settings: EndpointSettings): Promise<void> {
    const { apiVersion = '', version = '' } = this.parts.engine?.host.status() ?? {};
    if (settings.mac !== undefined)
      throw new FairleadError(
        'unsupported',
        'a Docker Engine takes no MAC address for a connect: start the container on the network, with --mac-address',
      );
    const minor = Number(apiVersion.split('.')[1] ?? Number.POSITIVE_INFINITY);
    if (settings.gatewayPriority !== undefined && minor < 48)
      throw new FairleadError(
        'unsupported',
        `a gateway priority needs Docker Engine 28 (API 1.48), and this one is ${version}`,
      );
    await super.connect(network, id, settings);
  }

  /** @throws unsupported for a standby: an Engine's containers have their networks from the Engine */
  override async attach(
    service: Service,
    network: Network,
    id: string,
    options: AttachOptions = {},
  ): Promise<void> {
    if (options.standby)
      throw new FairleadError(
        'unsupported',
        'beside a Docker Engine there are no standbys yet: attach the container when the other is detached',
      );
    await super.attach(service, network, id);
  }

  /** On its own attachments to our networks: those without aliases (the default bridge, host, none) are the Engine's own. */
  override async setAliases(id: string, naming: Naming): Promise<void> {
    for (const name of naming.aliases) parseName('alias', name);
    if (isDeepStrictEqual(naming, this.overrides.of(id))) return;
    if (naming.aliases.length > 0) await this.overrides.set(id, naming);
    else await this.overrides.drop(id);
    await this.converger.exclusively(id, () => this.converger.converge(id));
  }

  /** Services that are no more: containers that are to back them let go of them. */
  async letGoOfLost(): Promise<void> {
    const { directory, engine, runtime } = this.parts;
    if (!engine || !directory.complete()) return;
    const services = new Set(directory.services().map(({ id }) => id));
    for (const wish of engine.links.serviceWishes()) {
      const { containerId, serviceId } = wish;
      if (!runtime.get(containerId)) await engine.links.dropServiceWish(wish);
      else if (!services.has(serviceId))
        await this.converger.exclusively(containerId, () =>
          this.converger.converge(containerId, without(wish)),
        );
    }
  }
}
