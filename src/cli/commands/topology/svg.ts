import type { BackedService, ShownNode } from '../../../lib/cluster-map/bands.ts';
import { type Box, type ClusterMap, layOut, type MapBand, sizes } from '../../../lib/cluster-map/layout.ts';
import { visible } from '../../../lib/plain-text.ts';
import type { TopologyRecord } from './record.ts';

/** The map as one file that needs nothing else, light or dark as its reader likes it. */
export function svgOf(topology: TopologyRecord): string {
  const map = layOut(topology);
  const width = Math.max(map.width, 480);
  const size = `width="${width}" height="${map.height}" viewBox="0 0 ${width} ${map.height}"`;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="${titleOf(map)}">`,
    `<style>${css}</style>`,
    `<rect class="page" width="${width}" height="${map.height}"/>`,
    ...map.columns.map(column),
    ...map.bands.flatMap(band),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function titleOf({ columns, bands }: ClusterMap): string {
  return `${bands.length} networks on ${columns.length} nodes`;
}

function column({ node, x, y, width, height }: Box & { readonly node: ShownNode }): string {
  const about = node.state === 'alive' ? (node.advertise ?? '') : node.state;
  return [
    `<rect class="column ${escaped(node.state)}" x="${x}" y="${y}" width="${width}" height="${height}" rx="10"/>`,
    text(x + width / 2, y + 25, node.name, 'node', 24),
    text(x + width / 2, y + 43, about, `about ${node.state}`, 28),
  ].join('');
}

function band({
  band: { network, services },
  x,
  y,
  width,
  height,
  hue,
  chips,
  folds,
}: MapBand): readonly string[] {
  const { color } = colours[hue] ?? { color: '#888' };
  const hollow = services.filter(({ providers }) => providers.length === 0);
  const subnets = network.subnets.map(({ subnet }, at) =>
    text(x + 16, y + 58 + at * 15, subnet, 'subnet', 24),
  );
  const top = y + 50 + network.subnets.length * 15;
  return [
    `<rect fill="${color}" fill-opacity=".07" stroke="${color}" stroke-opacity=".4" x="${x}" y="${y}" width="${width}" height="${height}" rx="12"/>`,
    `<rect x="${x}" y="${y + 12}" width="5" height="${height - 24}" rx="2.5" fill="${color}"/>`,
    text(x + 16, y + 25, network.name, 'network', 19),
    text(x + 16, y + 42, network.endpoints === 'known' ? network.driver : 'containers unknown', 'subnet', 24),
    ...subnets,
    ...hollow.map((service, at) => hollowLabel(service, x + 16, top + at * (sizes.service + 4))),
    ...chips.map((chip) => chipOf(chip, color)),
    ...folds.map(({ count, ...box }) => text(box.x + 10, box.y + 19, `and ${count} more`, 'more', 30)),
  ];
}

function hollowLabel({ service, address }: BackedService, x: number, y: number): string {
  const label = `${service.name} ${address}`.trim();
  return (
    `<rect class="hollow" x="${x}" y="${y}" width="${sizes.label - 34}" height="${sizes.service}" rx="10">` +
    `<title>${escaped(label)}: no provider</title></rect>${text(x + 10, y + 14, label, 'service', 22)}`
  );
}

function chipOf({ place, x, y, width, height }: MapBand['chips'][number], color: string): string {
  const services = place.services.map(({ name, address }, at) => {
    const top = y + sizes.chip + at * sizes.service;
    return (
      `<rect x="${x + 6}" y="${top - 2}" width="${width - 12}" height="${sizes.service - 3}" rx="8" fill="${color}"/>` +
      text(x + 14, top + 11, cutTo(`${name} ${address}`.trim(), 25), 'label', 25)
    );
  });
  return [
    `<rect class="chip${place.healthy ? '' : ' unhealthy'}" x="${x}" y="${y}" width="${width}" height="${height}" rx="8">`,
    `<title>${escaped(`${place.name} on ${place.nodeName}${place.healthy ? '' : ', unhealthy'}`)}</title></rect>`,
    text(x + 10, y + 19, place.name, 'name', place.address === '' ? 24 : 14),
    text(x + width - 10, y + 19, place.address, 'address', 15),
    ...services,
    ...(place.healthy ? [] : [warning(x + width - 1, y + 1)]),
  ].join('');
}

/** Seen without colour, too. */
function warning(x: number, y: number): string {
  return `<circle cx="${x}" cy="${y}" r="8" fill="#b3261e"/><text class="mark" x="${x}" y="${y + 4}">!</text>`;
}

function text(x: number, y: number, label: string, kind: string, most: number): string {
  return label === ''
    ? ''
    : `<text class="${escaped(kind)}" x="${x}" y="${y}">${escaped(cutTo(label, most))}</text>`;
}

/** Characters; the middle of a name goes, whose ends tell it from others. */
function cutTo(label: string, most: number): string {
  const all = [...label];
  if (all.length <= most) return label;
  const end = Math.floor((most - 1) / 3);
  return `${all.slice(0, most - 1 - end).join('')}…${all.slice(all.length - end).join('')}`;
}

function escaped(label: string): string {
  return visible(label).replace(/[&<>"']/g, (one) => `&#${one.codePointAt(0)};`);
}

/** Dark enough for white text on them, and apart for those who see red and green alike (after Okabe and Ito). */
const colours = ['#0067a5', '#a34a00', '#00715a', '#9c2f70', '#5b4ba8', '#7a5c00', '#2b6a86', '#8b3a3a'].map(
  (color) => ({ color }),
);

const css = `
svg{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:12px}
.page{fill:#fff}.column{fill:#f2f4f7;stroke:#d8dde4}.column.lost,.column.unknown{fill:#faf3f2;stroke:#d9a7a1;stroke-dasharray:5 4}
text{fill:#1b2430}.node{font-size:15px;font-weight:600;text-anchor:middle}.about{fill:#566272;text-anchor:middle;font-size:11px}
.about.lost,.about.unknown{fill:#b3261e}.network{font-size:14px;font-weight:600}.subnet,.more{fill:#566272;font-size:11px}
.chip{fill:#fff;stroke:#b9c1cc}.chip.unhealthy{stroke:#b3261e;stroke-width:2}.name{font-weight:500}.mark{fill:#fff;font-weight:700;text-anchor:middle}
.address{text-anchor:end;fill:#566272;font-size:11px}.label{fill:#fff;font-size:11px}.hollow{fill:none;stroke:#8a94a3;stroke-dasharray:4 3}.service{font-size:11px}
@media (prefers-color-scheme:dark){.page{fill:#12171e}.column{fill:#1a212b;stroke:#2c3642}.column.lost,.column.unknown{fill:#2a1c1d;stroke:#7d4642}
text{fill:#e7ecf2}.about,.subnet,.more,.address{fill:#a3afbd}.about.lost,.about.unknown{fill:#ff9c92}
.chip{fill:#222b36;stroke:#46535f}.chip.unhealthy{stroke:#ff8a80}.label,.mark{fill:#fff}.hollow{stroke:#7d8998}}
`.trim();
