import type { Port } from '../cluster/records.ts';
import type { Linked } from './linked.ts';

/**
 * `ALIAS_PORT_80_TCP=tcp://172.17.0.2:80` and the like: what the program of a linking container learns of the linked one.
 * @param parent name of the linking one
 */
export function linkVariables(parent: string, { alias, target, address }: Linked): readonly string[] {
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const { spec, published = [] } = target;
  const asked = [...spec.exposedPorts, ...(spec.publish?.ports ?? []), ...published];
  const ports = [...new Map(asked.map((port) => [`${port.port}/${port.protocol}`, port])).values()].sort(
    byProtocol,
  );
  const url = ({ protocol, port }: Port) => `${protocol}://${address}:${port}`;
  const [first] = ports;
  return [
    ...(first ? [`${prefix}_PORT=${url(first)}`] : []),
    ...ports.flatMap((port) => {
      const name = `${prefix}_PORT_${port.port}_${port.protocol.toUpperCase()}`;
      const parts = [`_ADDR=${address}`, `_PORT=${port.port}`, `_PROTO=${port.protocol}`];
      return [`${name}=${url(port)}`, ...parts.map((part) => `${name}${part}`)];
    }),
    ...rangesOf(ports).flatMap(([from, to]) => {
      const name = `${prefix}_PORT_${from.port}_${from.protocol.toUpperCase()}`;
      const ends = [
        `_START=${url(from)}`,
        `_PORT_START=${from.port}`,
        `_END=${url(to)}`,
        `_PORT_END=${to.port}`,
      ];
      return ends.map((end) => `${name}${end}`);
    }),
    `${prefix}_NAME=/${parent}/${alias}`,
    ...spec.env
      .filter((assignment) => assignment.includes('=') && !/^(HOME|PATH)=/.test(assignment))
      .map((assignment) => `${prefix}_ENV_${assignment}`),
  ];
}

/** TCP first: the first one is the container's main port. */
function byProtocol(a: Port, b: Port): number {
  if (a.protocol === b.protocol) return a.port - b.port;
  if (a.protocol === 'tcp' || b.protocol === 'tcp') return a.protocol === 'tcp' ? -1 : 1;
  return a.protocol < b.protocol ? -1 : 1;
}

/** Two ports or more in a row. */
function rangesOf(ports: readonly Port[]): readonly (readonly [Port, Port])[] {
  const ranges: [Port, Port][] = [];
  for (const port of ports) {
    const last = ranges.at(-1);
    if (last && last[1].protocol === port.protocol && last[1].port + 1 === port.port) last[1] = port;
    else ranges.push([port, port]);
  }
  return ranges.filter(([from, to]) => from !== to);
}
