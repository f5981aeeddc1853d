import { linksOf } from './links.ts';
import type { TopologyRecord } from './record.ts';

/** A flowchart in Mermaid's language, as GitHub and others draw it. */
export function mermaidOf(topology: TopologyRecord): string {
  const { nodes, bands, joins, services } = linksOf(topology);
  const unhealthy = nodes.flatMap(({ containers }) => containers).filter(({ healthy }) => !healthy);
  const hollow = services.filter(({ containers }) => containers.length === 0);
  const lines = [
    'flowchart LR',
    ...nodes.flatMap(({ name, containers }, at) => [
      `  subgraph h${at + 1}[${quoted(name)}]`,
      ...containers.map((container) => `    ${container.key}[${quoted(container.name)}]`),
      '  end',
    ]),
    ...bands.map(({ network }, at) => {
      const about = [network.driver, ...network.subnets.map(({ subnet }) => subnet)].join(', ');
      return `  n${at + 1}([${quoted(network.name, about)}])`;
    }),
    ...services.map(({ key, label }) => `  ${key}{{${quoted(label)}}}`),
    ...joins.map(
      ({ container, network, label }) => `  ${container} ---${label && `|${quoted(label)}|`} ${network}`,
    ),
    ...services.flatMap(({ key, network, containers }) => [
      `  ${network} --- ${key}`,
      ...containers.map((container) => `  ${key} --> ${container}`),
    ]),
    ...(hollow.length > 0 ? ['  classDef hollow fill:none,stroke-dasharray:4'] : []),
    ...hollow.map(({ key }) => `  class ${key} hollow`),
    ...(unhealthy.length > 0 ? ['  classDef unhealthy stroke:#c62828,stroke-width:2px'] : []),
    ...unhealthy.map(({ key }) => `  class ${key} unhealthy`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Whatever may mean something to Mermaid or HTML is written as its number. */
function quoted(...lines: readonly string[]): string {
  const plain = (text: string) => text.replace(/[^\w .,:/()-]/gu, (one) => `#${one.codePointAt(0)};`);
  return `"${lines.map(plain).join('<br/>')}"`;
}
