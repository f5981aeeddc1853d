import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import type { Logger } from '../../lib/log.ts';
import type { Directory } from '../directory.ts';
import type { Endpoint, Service } from '../records.ts';
import type { Difference, Differences } from './differences.ts';
import { Everywhere } from './everywhere.ts';
import { Feed, type Watched } from './feed.ts';
import { LostNodes } from './lost-nodes.ts';
import { contentsOf, livingNode, lostNode, type NetworkContents, type NodeView } from './views.ts';

export interface TopologyDeps {
  readonly directory: Directory;
  /** This node's own. */
  readonly nodeId: string;
  /** A lease's time, in milliseconds. */
  readonly graceMs: number;
  readonly log: Logger;
  readonly clock: Clock;
}

/** The cluster as this node sees it. */
export class Topology {
  readonly #lost: LostNodes;
  readonly feed: Feed;
  #everywhere: Everywhere | undefined;

  constructor(private readonly deps: TopologyDeps) {
    this.#lost = new LostNodes(deps);
    this.feed = new Feed(this.#watched(), deps.clock);
  }

  /** The living ones, and those that were lost within a day; sorted by name. */
  nodes(): readonly NodeView[] {
    const { directory, nodeId } = this.deps;
    const views = [
      ...directory.nodes().map((node) => livingNode(node, nodeId)),
      ...this.#lost.list().map(lostNode),
    ];
    return views.sort((a, b) => (a.name === b.name ? (a.id < b.id ? -1 : 1) : a.name < b.name ? -1 : 1));
  }

  /** What is on a network; of one that this node does not follow, with these endpoints, if they are known. */
  contents(networkId: string, endpoints?: readonly Endpoint[]): NetworkContents | undefined {
    return this.#contents([networkId], () => endpoints).get(networkId);
  }

  async close(): Promise<void> {
    this.feed.close();
    await this.#lost.close();
  }

  #contents(
    networkIds: Iterable<string>,
    elsewhere: (networkId: string) => readonly Endpoint[] | undefined,
  ): ReadonlyMap<string, NetworkContents> {
    const { directory } = this.deps;
    const wanted = new Set(networkIds);
    const services = byNetwork(directory.services().filter(({ networkId }) => wanted.has(networkId)));
    const nodeName = this.#nodeNames();
    const pairs = [...wanted].flatMap((id) => {
      const network = directory.network(id);
      if (!network) return [];
      const endpoints = directory.follows(network) ? directory.endpointsOf(id) : elsewhere(id);
      return [[id, contentsOf(network, services.get(id) ?? [], endpoints, nodeName)] as const];
    });
    return new Map(pairs);
  }

  /** A node's endpoints are in the store before its record is: until then it has its id for a name. */
  #nodeNames(): (id: string) => string {
    const names = new Map(this.nodes().map(({ id, name }) => [id, name]));
    return (id) => names.get(id) ?? shortId(id);
  }

  #watched(): Watched {
    return {
      begin: (onChange) => this.#begin(onChange),
      networkIds: () => this.deps.directory.networks().map(({ id }) => id),
      nodeIds: () => this.nodes().map(({ id }) => id),
      differences: (known, networkIds, nodeIds) => this.#differences(known, networkIds, nodeIds),
    };
  }

  #begin(onChange: Parameters<Watched['begin']>[0]): ReturnType<Watched['begin']> {
    const { directory, log, clock, graceMs } = this.deps;
    const { local, global } = directory.stores;
    const everywhere =
      global === local
        ? undefined
        : new Everywhere({
            ...{ store: global, log, clock, graceMs },
            onChange: (networkIds) => onChange(networkIds, []),
          });
    this.#everywhere = everywhere;
    const ends = [
      directory.subscribe((networkIds, nodeIds) =>
        onChange([...networkIds, ...(everywhere?.networksOf(nodeIds) ?? [])], nodeIds),
      ),
      this.#lost.subscribe((nodeIds) => onChange([], nodeIds)),
    ];
    return {
      ready: everywhere?.ready ?? Promise.resolve(),
      end: () => {
        for (const end of ends) end();
        this.#everywhere = undefined;
        everywhere?.stop().catch((error: unknown) => log.debug(`the watch ends: ${messageOf(error)}`));
      },
    };
  }

  #differences(
    known: Differences,
    networkIds: Iterable<string>,
    nodeIds: Iterable<string>,
  ): readonly Difference[] {
    const ids = new Set(networkIds);
    const contents = this.#contents(ids, (id) => this.#everywhere?.of(id));
    const changedNodes = [...nodeIds];
    const nodes = changedNodes.length > 0 ? new Map(this.nodes().map((node) => [node.id, node])) : noNodes;
    return [
      ...changedNodes.flatMap((id) => known.node(id, nodes.get(id))),
      ...[...ids].flatMap((id) => known.network(id, contents.get(id))),
    ];
  }
}

const noNodes: ReadonlyMap<string, NodeView> = new Map();

function byNetwork(services: readonly Service[]): ReadonlyMap<string, readonly Service[]> {
  const groups = new Map<string, Service[]>();
  for (const service of services) {
    const group = groups.get(service.networkId);
    if (group) group.push(service);
    else groups.set(service.networkId, [service]);
  }
  return groups;
}
