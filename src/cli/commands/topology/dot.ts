import { visible } from '../../../lib/plain-text.ts';
import { linksOf } from './links.ts';
import type { TopologyRecord } from './record.ts';

/** A graph in Graphviz' language. */
export function dotOf(topology: TopologyRecord): string {
  const { nodes, bands, joins, services } = linksOf(topology);
  const lines = [
    'graph fairlead {',
    '  graph [rankdir=LR, fontname="sans-serif"];',
    '  node [shape=box, style=rounded, fontname="sans-serif"];',
    '  edge [fontname="sans-serif", fontsize=10];',
    ...nodes.flatMap(({ name, containers }, at) => [
      `  subgraph cluster_h${at + 1} {`,
      `    label=${quoted(name)};`,
      ...containers.map(
        ({ key, name: label, healthy }) =>
          `    ${key} [label=${quoted(label)}${healthy ? '' : ', color=red'}];`,
      ),
      '  }',
    ]),
    ...bands.map(({ network }, at) => {
      const about = [network.driver, ...network.subnets.map(({ subnet }) => subnet)].join(', ');
      return `  n${at + 1} [label=${quoted(network.name, about)}, shape=ellipse];`;
    }),
    ...services.map(
      ({ key, label, containers }) =>
        `  ${key} [label=${quoted(label)}, shape=hexagon, style=${containers.length > 0 ? 'solid' : 'dashed'}];`,
    ),
    ...joins.map(
      ({ container, network, label }) =>
        `  ${container} -- ${network}${label && ` [label=${quoted(label)}]`};`,
    ),
    ...services.flatMap(({ key, network, containers }) => [
      `  ${network} -- ${key};`,
      ...containers.map((container) => `  ${key} -- ${container} [dir=forward];`),
    ]),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

/** Within quotes only these two mean something; `\n` is Graphviz' own. */
function quoted(...lines: readonly string[]): string {
  return `"${lines.map((line) => visible(line).replace(/["\\]/g, '\\$&')).join('\\n')}"`;
}
