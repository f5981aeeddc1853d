import { FairleadError } from '../lib/errors.ts';
import { shortId } from '../lib/ids.ts';
import type { Association, AssociationChanges } from './associations.ts';
import type { Dataplane } from './dataplane.ts';
import type { Firewall } from './firewall.ts';
import type { Owned, Reachability, ReachTarget, Survey } from './inspection.ts';
import type { BridgeSpec, DefaultRoutes, Plug } from './links.ts';
import { hostSandbox } from './sandboxes.ts';
import { computeReach, type SimulatedSandbox } from './simulated/reach.ts';
import { surveyModel } from './simulated/survey.ts';
import { SimulatedTunnels } from './simulated/tunnels.ts';
import type { TunnelChanges, TunnelEntries, VxlanSpec } from './tunnels.ts';

/** Of the Ethernet that the model stands for. */
const underlayMtu = 1500;

/** The data plane of the simulated mode: the same contract over a model in memory; no packet moves. */
export function createSimulatedDataplane(): Dataplane {
  return new SimulatedDataplane();
}

class SimulatedDataplane implements Dataplane {
  readonly kind = 'simulated';
  readonly #sandboxes = new Map<string, SimulatedSandbox>();
  readonly #bridges = new Map<string, BridgeSpec>();
  readonly #tunnels = new SimulatedTunnels();
  #firewall: Firewall = { networks: [] };

  async ensureSandbox(sandboxId: string): Promise<void> {
    const key = shortId(sandboxId);
    if (sandboxId === hostSandbox || this.#sandboxes.has(key)) return;
    this.#sandboxes.set(key, { interfaces: new Map(), defaultRoutes: {} });
  }

  async removeSandbox(sandboxId: string): Promise<void> {
    this.#sandboxes.delete(shortId(sandboxId));
  }

  /** Names no file: there is no namespace to enter. */
  sandboxPath(sandboxId: string): string {
    return `simulated/${shortId(sandboxId)}`;
  }

  async ensureBridge(bridge: BridgeSpec): Promise<void> {
    this.#bridges.set(bridge.name, bridge);
  }

  async removeBridge(name: string): Promise<void> {
    this.#bridges.delete(name);
  }

  async ensureVxlan(vxlan: VxlanSpec): Promise<void> {
    if (!this.#bridges.has(vxlan.bridge)) {
      throw new FairleadError('not-found', `vxlan device ${vxlan.name}: no bridge ${vxlan.bridge}`);
    }
    this.#tunnels.ensure(vxlan);
  }

  async removeVxlan(name: string): Promise<void> {
    this.#tunnels.remove(name);
  }

  async tunnelEntries(name: string): Promise<TunnelEntries> {
    return this.#tunnels.entries(name);
  }

  async changeTunnel(name: string, changes: TunnelChanges): Promise<void> {
    this.#tunnels.change(name, changes);
  }

  /** Where no packet moves nothing is to be seen of one: that a network is encrypted is a record. */
  async encryptionObstacle(): Promise<string | undefined> {
    return undefined;
  }

  async associations(): Promise<readonly Association[]> {
    return this.#tunnels.associations();
  }

  async changeAssociations(changes: AssociationChanges): Promise<void> {
    this.#tunnels.changeAssociations(changes);
  }

  /** Every address is one of the model's host. */
  async mtuOf(): Promise<number | undefined> {
    return underlayMtu;
  }

  async ensureDetachedVeth(): Promise<void> {
    throw new FairleadError('unsupported', 'an Engine has no use for interfaces that are not there');
  }

  async ensureHostAddress(): Promise<void> {}

  async reserveSubnets(): Promise<void> {}

  async plug(sandboxId: string, plug: Plug): Promise<void> {
    const sandbox = this.#sandbox(sandboxId);
    if (plug.source.kind === 'veth' && !this.#bridges.has(plug.source.bridge)) {
      throw new FairleadError('not-found', `plug ${plug.name}: no bridge ${plug.source.bridge}`);
    }
    const holder = sandbox.interfaces.get(plug.name);
    if (holder && holder.source.hostName !== plug.source.hostName) {
      throw new FairleadError(
        'conflict',
        `plug ${plug.name}: the sandbox has another interface of this name`,
      );
    }
    // A host end is one interface: a second plug of it moves it, as the kernel would.
    this.#forget(plug.source.hostName);
    sandbox.interfaces.set(plug.name, plug);
  }

  async unplug(_sandboxId: string, { source }: Pick<Plug, 'name' | 'source'>): Promise<void> {
    this.#forget(source.hostName);
  }

  /** No neighbour of the model remembers anything. */
  async announce(): Promise<void> {}

  async setDefaultRoutes(sandboxId: string, routes: DefaultRoutes): Promise<void> {
    this.#sandbox(sandboxId).defaultRoutes = routes;
  }

  async obstacles(): Promise<readonly string[]> {
    return [];
  }

  async applyFirewall(rules: Firewall): Promise<void> {
    this.#firewall = rules;
  }

  /** No program of the host is in the model: a port is a record. */
  async holdPort(): Promise<void> {}

  async releasePort(): Promise<void> {}

  async owned(): Promise<Owned> {
    const plugs = [...this.#sandboxes.values()].flatMap((sandbox) => [...sandbox.interfaces.values()]);
    return {
      sandboxes: [...this.#sandboxes.keys()],
      bridges: [...this.#bridges.keys()],
      interfaces: plugs.flatMap(({ source }) => (source.kind === 'veth' ? [source.hostName] : [])),
      vxlans: this.#tunnels.names(),
    };
  }

  async survey(sandboxIds: readonly string[]): Promise<Survey> {
    return surveyModel(
      { sandboxes: this.#sandboxes, bridges: this.#bridges, vxlans: this.#tunnels.specs() },
      sandboxIds,
    );
  }

  async hostSubnets(): Promise<readonly string[]> {
    return [];
  }

  async reach(fromSandbox: string, to: ReachTarget): Promise<Reachability> {
    const model = {
      sandboxes: this.#sandboxes,
      bridges: this.#bridges,
      tunnels: this.#tunnels,
      firewall: this.#firewall,
    };
    return computeReach(model, fromSandbox === hostSandbox ? hostSandbox : shortId(fromSandbox), to);
  }

  async close(): Promise<void> {
    this.#sandboxes.clear();
    this.#bridges.clear();
    this.#tunnels.clear();
    this.#firewall = { networks: [] };
  }

  #sandbox(sandboxId: string): SimulatedSandbox {
    const sandbox = this.#sandboxes.get(shortId(sandboxId));
    if (!sandbox) throw new FairleadError('not-found', `no sandbox ${shortId(sandboxId)}`);
    return sandbox;
  }

  #forget(hostName: string): void {
    for (const { interfaces } of this.#sandboxes.values()) {
      for (const [name, plug] of interfaces) {
        if (plug.source.hostName === hostName) interfaces.delete(name);
      }
    }
  }
}
