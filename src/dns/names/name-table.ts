import { isDeepStrictEqual } from 'node:util';
import { buildZone, type NamedEndpoint, type NamedNetwork, type Zone } from './zone.ts';

/** What DNS needs of the directory, or of a copy: it follows it, and nothing else calls DNS. */
export interface NameSource {
  networks(): readonly NamedNetwork[];
  endpointsOf(networkId: string): readonly NamedEndpoint[];
  subscribe(listener: (networkIds: ReadonlySet<string>) => void): () => void;
  /** Of a copy: takes in, and tells of, what has changed until now. */
  sync?(): void;
}

/** A network has another zone, or none any more. */
export interface Swap {
  readonly networkId: string;
  readonly zone: Zone | undefined;
  /** Whether it came, went, or has another name or other subnets: those who are not on it may be answered otherwise, too. */
  readonly concernsAll: boolean;
}

/**
 * One immutable zone per network, swapped whole. A change only marks its network; the zone is rebuilt
 * before the next read, so that a query sees what was written before it and a burst of changes costs one
 * rebuild. Whoever keeps something derived from zones is told of each swap.
 */
export class NameTable {
  readonly #zones = new Map<string, Zone>();
  readonly #byName = new Map<string, Zone[]>();
  readonly #networksOf = new Map<string, Set<string>>();
  readonly #changed = new Set<string>();
  readonly #listeners: ((swap: Swap) => void)[] = [];
  readonly #unsubscribe: () => void;
  #generation = 0;

  constructor(private readonly source: NameSource) {
    this.#unsubscribe = source.subscribe((networkIds) => {
      for (const id of networkIds) this.#changed.add(id);
    });
    this.rebuild();
  }

  onSwap(listener: (swap: Swap) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes in what has changed. Cheap when nothing has: it is called with every query. */
  refresh(): void {
    this.source.sync?.();
    if (this.#changed.size > 0) this.#swapChanged();
  }

  /** How often zones were swapped. */
  get generation(): number {
    this.refresh();
    return this.#generation;
  }

  zones(): Iterable<Zone> {
    this.refresh();
    return this.#zones.values();
  }

  zone(networkId: string): Zone | undefined {
    this.refresh();
    return this.#zones.get(networkId);
  }

  /** Zones of the networks of this (folded) name; several only where nodes made local ones of the same name. */
  zonesNamed(key: string): readonly Zone[] {
    this.refresh();
    return this.#byName.get(key) ?? [];
  }

  /** The zones of the networks that the container is on, in the order in which it joined them. */
  zonesOfContainer(containerId: string): readonly Zone[] {
    this.refresh();
    const zones = [...(this.#networksOf.get(containerId) ?? [])].flatMap((id) => this.#zones.get(id) ?? []);
    const joined = (zone: Zone) => zone.containers.get(containerId) ?? '';
    return zones.sort((a, b) => (joined(a) < joined(b) ? -1 : 1));
  }

  /** Rebuilds every zone from the source, whatever it announced. */
  rebuild(): void {
    this.source.sync?.();
    for (const id of this.#zones.keys()) this.#changed.add(id);
    for (const { id } of this.source.networks()) this.#changed.add(id);
    this.#swapChanged();
  }

  close(): void {
    this.#unsubscribe();
  }

  #swapChanged(): void {
    const networks = new Map(this.source.networks().map((network) => [network.id, network]));
    const changed = [...this.#changed];
    this.#changed.clear();
    this.#generation++;
    for (const id of changed) {
      const network = networks.get(id);
      this.#swap(id, network && buildZone(network, this.source.endpointsOf(id), this.#generation));
    }
  }

  #swap(networkId: string, zone: Zone | undefined): void {
    const old = this.#zones.get(networkId);
    if (!old && !zone) return;
    if (old) this.#takeOut(old);
    if (zone) this.#putIn(zone);
    const concernsAll = !isDeepStrictEqual(old?.network, zone?.network);
    for (const listener of this.#listeners) listener({ networkId, zone, concernsAll });
  }

  #putIn(zone: Zone): void {
    const networkId = zone.network.id;
    this.#zones.set(networkId, zone);
    this.#byName.set(zone.key, [...(this.#byName.get(zone.key) ?? []), zone]);
    for (const container of zone.containers.keys()) {
      const networks = this.#networksOf.get(container);
      if (networks) networks.add(networkId);
      else this.#networksOf.set(container, new Set([networkId]));
    }
  }

  #takeOut(zone: Zone): void {
    this.#zones.delete(zone.network.id);
    const others = this.#byName.get(zone.key)?.filter((other) => other !== zone) ?? [];
    if (others.length > 0) this.#byName.set(zone.key, others);
    else this.#byName.delete(zone.key);
    for (const container of zone.containers.keys()) {
      const networks = this.#networksOf.get(container);
      networks?.delete(zone.network.id);
      if (networks?.size === 0) this.#networksOf.delete(container);
    }
  }
}
