import {
  type Band,
  bandsOf,
  isBare,
  type Place,
  type ShownNode,
  type ShownTopology,
  sorted,
} from './bands.ts';

/** Pixels. */
export const sizes = {
  margin: 24,
  /** The column of the networks' names. */
  label: 190,
  column: 208,
  head: 58,
  gap: 12,
  chip: 30,
  /** A line for each service that a container backs. */
  service: 20,
  padding: 12,
  band: 72,
} as const;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface ClusterMap {
  readonly width: number;
  readonly height: number;
  readonly columns: readonly (Box & { readonly node: ShownNode })[];
  readonly bands: readonly MapBand[];
}

export interface MapBand extends Box {
  readonly band: Band;
  /** Which of the map's colours it has. */
  readonly hue: number;
  readonly chips: readonly (Box & { readonly place: Place })[];
  /** What is folded away where a node has too many; 0 where that was unfolded. */
  readonly folds: readonly (Box & { readonly count: number; readonly node: string })[];
}

export interface LayoutOptions {
  /** How many containers of a network are drawn on a node before they are folded. */
  readonly most?: number;
  /** Nodes whose cells are not folded: `NETWORK NODE`, ids. */
  readonly open?: ReadonlySet<string>;
}

export const hues = 8;

export function layOut(topology: ShownTopology, { most = 8, open }: LayoutOptions = {}): ClusterMap {
  const bands = bandsOf(topology).filter((band) => !isBare(band));
  const nodes = columnsOf(topology, bands);
  const x = (at: number) => sizes.margin + sizes.label + at * (sizes.column + sizes.gap);
  const width = x(nodes.length) - sizes.gap + sizes.margin;
  const top = sizes.margin + sizes.head + sizes.gap;
  let y = top;
  const laid = bands.map((band, hue) => {
    const box = { x: sizes.margin, y, width: width - 2 * sizes.margin };
    const cells = nodes.map((node, at) =>
      cellOf(band, node, { x: x(at), y }, { most, ...(open && { open }) }),
    );
    const height = Math.max(
      sizes.band,
      leastOf(band),
      ...cells.map((cell) => cell.bottom - y + sizes.padding),
    );
    y += height + sizes.gap;
    return {
      ...{ ...box, height, band, hue: hue % hues },
      chips: cells.flatMap(({ chips }) => chips),
      folds: cells.flatMap(({ folds }) => folds),
    };
  });
  const bottom = Math.max(y - sizes.gap, top);
  const columns = nodes.map((node, at) => ({
    ...{ node, x: x(at), y: sizes.margin, width: sizes.column, height: bottom - sizes.margin },
  }));
  return { width, height: bottom + sizes.margin, columns, bands: laid };
}

/** Room for its name, driver and subnets, and a label for each service without a provider. */
function leastOf({ network, services }: Band): number {
  const hollow = services.filter(({ providers }) => providers.length === 0).length;
  return 50 + network.subnets.length * 15 + hollow * (sizes.service + 5) + (hollow > 0 ? sizes.padding : 0);
}

/** Those that are known, and those that an endpoint names only. */
function columnsOf({ nodes }: ShownTopology, bands: readonly Band[]): readonly ShownNode[] {
  const known = new Map(nodes.map((node) => [node.id, node]));
  for (const { places } of bands) {
    for (const { node, nodeName } of places) {
      if (!known.has(node)) known.set(node, { id: node, name: nodeName, state: 'unknown', self: false });
    }
  }
  return sorted([...known.values()], ({ name }) => name);
}

interface Cell {
  readonly chips: readonly (Box & { readonly place: Place })[];
  readonly folds: readonly (Box & { readonly count: number; readonly node: string })[];
  readonly bottom: number;
}

function cellOf(
  { network, places }: Band,
  node: ShownNode,
  at: { readonly x: number; readonly y: number },
  { most, open }: { readonly most: number; readonly open?: ReadonlySet<string> },
): Cell {
  const here = places.filter((place) => place.node === node.id);
  const isOpen = open?.has(`${network.id} ${node.id}`) ?? false;
  const shown = isOpen || here.length <= most ? here : here.slice(0, most - 1);
  const box = { x: at.x + sizes.padding, width: sizes.column - 2 * sizes.padding };
  let y = at.y + sizes.padding;
  const chips = shown.map((place) => {
    const chip = { ...box, y, height: sizes.chip + place.services.length * sizes.service, place };
    y += chip.height + 6;
    return chip;
  });
  const count = here.length - shown.length;
  const folds = here.length > most ? [{ ...box, y, height: sizes.chip, count, node: node.id }] : [];
  if (folds.length > 0) y += sizes.chip + 6;
  return { chips, folds, bottom: y - 6 };
}
