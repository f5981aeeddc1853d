import { FairleadError } from '../../lib/errors.ts';
import type { Association, AssociationChanges } from '../associations.ts';
import type { TunnelChanges, TunnelEntries, VxlanSpec } from '../tunnels.ts';

interface Tunnel {
  readonly spec: VxlanSpec;
  readonly bridged: Set<string>;
  /** MAC → underlay address. */
  readonly forwarding: Map<string, string>;
  /** Address → MAC. */
  readonly neighbours: Map<string, string>;
}

/** The vxlan devices of the model, and what they were told of endpoints elsewhere. */
export class SimulatedTunnels {
  readonly #tunnels = new Map<string, Tunnel>();
  /** By what the kernel would know them by. */
  readonly #associations = new Map<string, Association>();

  ensure(spec: VxlanSpec): void {
    for (const { spec: other } of [...this.#tunnels.values()]) {
      if (other.name !== spec.name && isSame(other, spec)) this.#tunnels.delete(other.name);
    }
    const known = this.#tunnels.get(spec.name);
    const kept = known && isSame(known.spec, spec) && known.spec.local === spec.local ? known : fresh();
    this.#tunnels.set(spec.name, { ...kept, spec });
  }

  remove(name: string): void {
    this.#tunnels.delete(name);
    if (!this.specs().some(({ encrypted }) => encrypted)) this.#associations.clear();
  }

  clear(): void {
    this.#tunnels.clear();
    this.#associations.clear();
  }

  associations(): readonly Association[] {
    return [...this.#associations.values()];
  }

  changeAssociations({ add, remove }: AssociationChanges): void {
    for (const { source, destination, spi } of add) {
      const one = { source, destination, spi };
      if (!this.#associations.has(stateKey(one))) this.#associations.set(stateKey(one), one);
    }
    for (const one of remove) this.#associations.delete(stateKey(one));
  }

  names(): readonly string[] {
    return [...this.#tunnels.keys()];
  }

  specs(): readonly VxlanSpec[] {
    return [...this.#tunnels.values()].map(({ spec }) => spec);
  }

  entries(name: string): TunnelEntries {
    const { bridged, forwarding, neighbours } = this.#find(name);
    return {
      bridged: [...bridged],
      forwarding: [...forwarding].map(([mac, via]) => ({ mac, via })),
      neighbours: [...neighbours].map(([address, mac]) => ({ address, mac })),
    };
  }

  change(name: string, { set, remove }: TunnelChanges): void {
    const { bridged, forwarding, neighbours } = this.#find(name);
    for (const mac of set.bridged) bridged.add(mac);
    for (const { mac, via } of set.forwarding) forwarding.set(mac, via);
    for (const { address, mac } of set.neighbours) neighbours.set(address, mac);
    for (const mac of remove.bridged) bridged.delete(mac);
    for (const mac of remove.forwarding) forwarding.delete(mac);
    for (const address of remove.neighbours) neighbours.delete(address);
  }

  /** Where a frame for the address leaves the bridge to: the device, and the host at its other end. */
  wayTo(bridge: string, address: string): { readonly device: string; readonly via: string } | undefined {
    for (const { spec, bridged, forwarding, neighbours } of this.#tunnels.values()) {
      const mac = spec.bridge === bridge ? neighbours.get(address) : undefined;
      const via = mac !== undefined && bridged.has(mac) ? forwarding.get(mac) : undefined;
      if (via !== undefined) return { device: spec.name, via };
    }
    return undefined;
  }

  #find(name: string): Tunnel {
    const tunnel = this.#tunnels.get(name);
    if (!tunnel) throw new FairleadError('not-found', `no vxlan device ${name}`);
    return tunnel;
  }
}

/** RFC 4301 section 4.1: of what is sent to one host the SPI alone tells what it is. */
function stateKey({ destination, spi }: Association): string {
  return `${destination} ${spi}`;
}

function fresh(): Omit<Tunnel, 'spec'> {
  return { bridged: new Set(), forwarding: new Map(), neighbours: new Map() };
}

function isSame(a: VxlanSpec, b: VxlanSpec): boolean {
  return a.vni === b.vni && a.port === b.port;
}
