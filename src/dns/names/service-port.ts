import type { Labels } from '../wire/labels.ts';
import type { Host } from './zone.ts';

/** What `_PORT._PROTO.NAME` stands for (RFC 2782): the hosts behind NAME that have the port. */
export interface PortOf {
  readonly port: number;
  readonly hosts: readonly Host[];
  /** NAME, which is the target where one host has it. */
  readonly name: Labels;
  /** Only this host has NAME. */
  readonly alone: boolean;
}

/** `empty`: the name has no records but such names below it. Undefined: it is no name of this form, or not known. */
export function portOf(
  labels: Labels,
  hostsOf: (name: Labels) => readonly Host[] | undefined,
): PortOf | 'empty' | undefined {
  const [first, second] = labels;
  if (protocolOf(first)) return isAbovePorts(labels, hostsOf) ? 'empty' : undefined;
  const port = /^_([1-9]\d{0,4})$/.exec(first ?? '')?.[1];
  const protocol = protocolOf(second);
  if (!port || !protocol) return undefined;
  const name = labels.slice(2);
  const all = hostsOf(name) ?? [];
  const hosts = all.filter((host) => hasPort(host, protocol, Number(port)));
  return hosts.length > 0 ? { port: Number(port), hosts, name, alone: all.length === 1 } : undefined;
}

function isAbovePorts(labels: Labels, hostsOf: (name: Labels) => readonly Host[] | undefined): boolean {
  const protocol = protocolOf(labels[0]);
  const hosts = hostsOf(labels.slice(1)) ?? [];
  return hosts.some(({ endpoint }) => endpoint.ports.some((port) => port.protocol === protocol));
}

function protocolOf(label: string | undefined): string | undefined {
  return /^_(tcp|udp|sctp)$/.exec(label ?? '')?.[1];
}

function hasPort({ endpoint }: Host, protocol: string, port: number): boolean {
  return endpoint.ports.some((published) => published.protocol === protocol && published.port === port);
}
