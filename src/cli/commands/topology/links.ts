import { type Band, bandsOf, isBare, type Place, sorted } from '../../../lib/cluster-map/bands.ts';
import type { TopologyRecord } from './record.ts';

/** The topology as what a graph is made of: boxes of nodes, containers in them, and lines to networks and services. */
export interface Links {
  readonly nodes: readonly { readonly name: string; readonly containers: readonly Container[] }[];
  readonly bands: readonly Band[];
  /** From a container to a network, by their keys. */
  readonly joins: readonly { readonly container: string; readonly network: string; readonly label: string }[];
  readonly services: readonly {
    readonly key: string;
    readonly network: string;
    readonly label: string;
    readonly containers: readonly string[];
  }[];
}

interface Container {
  readonly key: string;
  readonly name: string;
  readonly healthy: boolean;
}

/** Keys are short and in the order of names: the same topology is the same text. */
export function linksOf(topology: TopologyRecord): Links {
  const bands = bandsOf(topology).filter((band) => !isBare(band));
  const places = bands.flatMap((band) => band.places);
  const containers = uniqueContainers(places);
  const keyOf = new Map(containers.map(({ container }, at) => [container, `c${at + 1}`]));
  const key = (container: string) => keyOf.get(container) ?? '';
  const names = [...new Set(containers.map(({ nodeName }) => nodeName))];
  return {
    nodes: names.map((name) => ({
      name,
      containers: containers
        .filter(({ nodeName }) => nodeName === name)
        .map((place) => ({ key: key(place.container), name: place.name, healthy: place.healthy })),
    })),
    bands,
    joins: bands.flatMap((band, at) =>
      band.places.map(({ container, address }) => ({
        ...{ container: key(container), network: `n${at + 1}`, label: address },
      })),
    ),
    services: servicesOf(bands, key),
  };
}

function servicesOf(bands: readonly Band[], key: (container: string) => string): Links['services'] {
  const all = bands.flatMap((band, at) =>
    band.services.map((backed) => ({ ...backed, network: `n${at + 1}` })),
  );
  return all.map(({ service, address, providers, network }, at) => ({
    ...{ key: `s${at + 1}`, network, label: address === '' ? service.name : `${service.name} ${address}` },
    containers: providers.map(({ container }) => key(container)),
  }));
}

/** By node, then by name. */
function uniqueContainers(places: readonly Place[]): readonly Place[] {
  const first = new Map<string, Place>();
  for (const place of places) {
    const known = first.get(place.container);
    first.set(place.container, { ...place, healthy: place.healthy && (known?.healthy ?? true) });
  }
  return sorted([...first.values()], ({ nodeName, name, container }) => `${nodeName}\0${name}\0${container}`);
}
