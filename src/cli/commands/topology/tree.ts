import { addressOf, type Band, bandsOf, isBare, type Place, sorted } from '../../../lib/cluster-map/bands.ts';
import { humanDuration } from '../../../lib/human-duration.ts';
import type { TopologyRecord } from './record.ts';

/** A line of the tree, in cells that are aligned with its siblings', and what is below it. */
interface Branch {
  readonly cells: readonly string[];
  readonly below: readonly Branch[];
}

/** Nodes, then each network with its services and its containers by node; lines without their line feeds. */
export function treeOf(topology: TopologyRecord, now: number): readonly string[] {
  const bands = bandsOf(topology).filter((band) => !isBare(band));
  const nodes = sorted(topology.nodes, ({ name }) => name).map((node) => nodeBranch(node, now));
  const roots = [{ cells: [count(nodes.length, 'node')], below: nodes }, ...bands.map(networkBranch)];
  return roots.flatMap((root, at) => [...(at > 0 ? [''] : []), root.cells.join('  '), ...below(root.below)]);
}

function nodeBranch(node: TopologyRecord['nodes'][number], now: number): Branch {
  const { name, advertise = '-', state, lastSeen, self } = node;
  const age = lastSeen === undefined ? '' : ` ${humanDuration(now - Date.parse(lastSeen))} ago`;
  return leaf(name, advertise, `${state}${age}${self ? ', this node' : ''}`);
}

function networkBranch(band: Band): Branch {
  const { network, services, places } = band;
  const backed = services.flatMap(({ service, address, providers }) =>
    providers.length === 0
      ? [leaf(service.name, address || '-', 'no provider')]
      : providers.map((provider) =>
          leaf(
            service.name,
            addressOf(provider) || address || '-',
            `${provider.containerName} on ${provider.nodeName}${provider.healthy ? '' : ', unhealthy'}`,
          ),
        ),
  );
  const nodes = [...new Set(places.map(({ nodeName }) => nodeName))];
  const below = [
    ...(services.length > 0 ? [{ cells: ['services'], below: backed }] : []),
    ...sorted(nodes, (name) => name).map((name) => ({
      cells: [name],
      below: places.filter(({ nodeName }) => nodeName === name).map(placeBranch),
    })),
    ...(network.endpoints === 'known' ? [] : [leaf('endpoints unknown: the KV store is away')]),
  ];
  return { cells: [network.name, aboutNetwork(network)], below };
}

function placeBranch({ name, address, services, healthy }: Place): Branch {
  const backs = services.length > 0 ? `backs ${services.map((service) => service.name).join(', ')}` : '';
  const about = [backs, healthy ? '' : 'unhealthy'].filter(Boolean).join(', ');
  return leaf(name, address || services[0]?.address || '-', about);
}

function aboutNetwork({ driver, subnets }: Band['network']): string {
  const pools = subnets.map(({ subnet, inUse }) =>
    inUse === undefined ? subnet : `${subnet} (${inUse} in use)`,
  );
  return [driver, ...pools].join(', ');
}

function leaf(...cells: readonly string[]): Branch {
  return { cells, below: [] };
}

function count(many: number, what: string): string {
  return `${many} ${what}${many === 1 ? '' : 's'}`;
}

/** The cells of siblings stand under each other. */
function below(branches: readonly Branch[], before = ''): readonly string[] {
  const widths = (at: number) => Math.max(...branches.map(({ cells }) => lengthOf(cells[at] ?? '')));
  return branches.flatMap((branch, at) => {
    const isLast = at === branches.length - 1;
    const text = branch.cells.map((cell, column) =>
      cell.padEnd(widths(column) + cell.length - lengthOf(cell)),
    );
    return [
      `${before}${isLast ? '└─ ' : '├─ '}${text.join('  ')}`.trimEnd(),
      ...below(branch.below, `${before}${isLast ? '   ' : '│  '}`),
    ];
  });
}

/** In code points. */
function lengthOf(text: string): number {
  return [...text].length;
}
