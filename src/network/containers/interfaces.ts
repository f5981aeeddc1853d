import type { JoinPlace, JoinResult } from '../../../drivers/driver.ts';
import { interfaceOptions } from '../../cluster/endpoints/options.ts';
import type { Endpoint, Network } from '../../cluster/records.ts';
import type { AttachedInterface, Attachment, Container } from '../../container/container.ts';
import { refusesIpv6 } from '../../container/isolation.ts';
import { innerResolver } from '../../dataplane/names.ts';
import { familyOf, isLinkLocal, parseSubnet, withoutPrefix } from '../../lib/addresses.ts';
import { FairleadError, isKind } from '../../lib/errors.ts';
import type { UndoStack } from '../../lib/undo.ts';
import { driverOf, type NetworkContext } from '../context.ts';
import type { EndpointStore } from '../endpoints/store.ts';
import { addressesOf, sendsAnything } from '../host/host-ends.ts';

type Made = Pick<Attachment, 'interface'> & { readonly endpoint: Endpoint };

/** Interfaces of sandboxes: a network's driver makes them, the data plane puts them in and takes them out. */
export class Interfaces {
  constructor(
    private readonly parts: NetworkContext,
    private readonly endpoints: EndpointStore,
  ) {}

  /** Before: the endpoint is in the store. @returns it with what the driver chose, and its interface */
  async make(
    undo: UndoStack,
    container: Container,
    wanted: Attachment,
    network: Network,
    endpoint: Endpoint,
  ): Promise<Made> {
    const driver = driverOf(this.parts, network);
    const result = spoken(container, await driver.join(network, endpoint, this.#placeOf(container, wanted)));
    undo.push('driver join', () => driver.leave(network, endpoint));
    const settled = await this.endpoints.assign(network, endpoint, result.assigned);
    const made = await this.#plug(container, wanted, network, settled, result);
    if (!made) return { endpoint: settled };
    const resolver = await this.#resolver(network, result);
    return { endpoint: settled, interface: { ...made, ...(resolver ? { resolver } : {}) } };
  }

  /** In the order of a detach. What a plugin lent goes back to it; what a driver of ours made is its own to take away. */
  removal(container: Container, attachment: Attachment, network: Network, endpoint: Endpoint) {
    const lent = attachment.interface?.source.kind === 'existing';
    return [
      async () => lent && (await this.unplug(container, attachment)),
      () => driverOf(this.parts, network).leave(network, endpoint),
    ];
  }

  /** Before: the endpoint's host end is missing. @returns whether the interface was put in again */
  async repair(
    container: Container,
    attachment: Attachment,
    network: Network,
    endpoint: Endpoint,
  ): Promise<boolean> {
    const driver = driverOf(this.parts, network);
    if (driver.keepsEndpoints) {
      if (await this.#isWhole(container, attachment, endpoint)) return false;
      // The plugin believes in an endpoint that is no more: it makes a new one.
      await driver.leave(network, endpoint);
    }
    const place = this.#placeOf(container, attachment);
    const result = spoken(container, await driver.join(network, endpoint, place));
    await this.#plug(container, attachment, network, endpoint, result, attachment.interface?.name);
    return true;
  }

  async unplug({ id }: Container, attachment: Attachment): Promise<void> {
    if (!attachment.interface) return;
    const { name, source } = attachment.interface;
    await this.parts.dataplane.unplug(this.parts.runtime.sandboxOf(id), { name, source });
  }

  /** An interface that a plugin lent is in the sandbox, or can be put there again, as it was. */
  async #isWhole({ id }: Container, attachment: Attachment, endpoint: Endpoint): Promise<boolean> {
    if (!attachment.interface) return true;
    const { name, source, routes = [] } = attachment.interface;
    const { mac } = endpoint;
    const addresses = addressesOf(endpoint, attachment);
    try {
      const plug = { name, source, addresses, ...(mac ? { mac } : {}), routes };
      await this.parts.dataplane.plug(this.parts.runtime.sandboxOf(id), plug);
      return true;
    } catch (error) {
      if (isKind(error, 'not-found')) return false;
      throw error;
    }
  }

  #placeOf({ id, spec }: Container, { driverOptions = {} }: Attachment): JoinPlace {
    const { dataplane, runtime } = this.parts;
    const sandboxPath = dataplane.sandboxPath(runtime.sandboxOf(id));
    return { sandboxPath, options: driverOptions, ports: spec.publish?.ports ?? [] };
  }

  /** A plugin's gateway may be anywhere: DNS answers on those that this host has. */
  async #resolver(network: Network, result: JoinResult): Promise<string | undefined> {
    const pools = network.ipam.pools;
    const pool = pools.find(({ subnet }) => parseSubnet(subnet).family === 4) ?? pools[0];
    if (!pool || !result.interface) return undefined;
    const { foreignGateways = false, apartFromHost = false } = driverOf(this.parts, network);
    if (apartFromHost || isLinkLocal(pool.gateway)) return innerResolver;
    const here = !foreignGateways || (await this.parts.dataplane.mtuOf(pool.gateway)) !== undefined;
    return here ? pool.gateway : undefined;
  }

  async #plug(
    container: Container,
    wanted: Attachment,
    network: Network,
    endpoint: Endpoint,
    { interface: given, routes, gateway, gateway6 }: JoinResult,
    known?: string,
  ): Promise<AttachedInterface | undefined> {
    if (!given) return undefined;
    const { source, namePrefix, mtu, mac = endpoint.mac } = given;
    // What a plugin lends has the name that the plugin says.
    const asked = source.kind === 'existing' ? {} : interfaceOptions(wanted);
    const name = known ?? given.name ?? asked.name ?? this.#freeName(container, namePrefix);
    if (known === undefined) this.#refuseUsed(container, name);
    const sandbox = this.parts.runtime.sandboxOf(container.id);
    const plug = {
      ...{ name, source, addresses: addressesOf(endpoint, wanted), routes },
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(sendsAnything(this.parts, network) ? { anySource: true } : {}),
      ...(asked.sysctls ? { sysctls: asked.sysctls } : {}),
    };
    try {
      await this.parts.dataplane.plug(sandbox, plug);
    } catch (error) {
      // What was lent may be in the sandbox already, and goes back to whom it belongs to.
      if (source.kind === 'existing')
        await this.parts.dataplane.unplug(sandbox, { name, source }).catch(() => {});
      throw error;
    }
    return {
      ...{ name, source },
      ...(gateway ? { gateway } : {}),
      ...(gateway6 ? { gateway6 } : {}),
      ...(routes.length > 0 ? { routes } : {}),
    };
  }

  /** @throws conflict */
  #refuseUsed(container: Container, name: string): void {
    if (!this.#usedNames(container).has(name)) return;
    throw new FairleadError(
      'conflict',
      `the container has an interface ${name} already (com.docker.network.endpoint.ifname)`,
    );
  }

  #usedNames(container: Container): ReadonlySet<string | undefined> {
    const current = this.parts.runtime.get(container.id) ?? container;
    return new Set(current.attachments.map((attachment) => attachment.interface?.name));
  }

  #freeName(container: Container, prefix: string): string {
    const used = this.#usedNames(container);
    for (let n = 0; ; n += 1) {
      if (!used.has(`${prefix}${n}`)) return `${prefix}${n}`;
    }
  }
}

/** Without what a container has no use for: ways out of a family that is off in it. */
function spoken({ spec }: Container, result: JoinResult): JoinResult {
  if (!refusesIpv6(spec)) return result;
  const { gateway6: _, routes, ...rest } = result;
  return { ...rest, routes: routes.filter(({ destination }) => familyOf(withoutPrefix(destination)) === 4) };
}
