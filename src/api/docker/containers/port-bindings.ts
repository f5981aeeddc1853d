import type * as z from 'zod';
import { type Port, portSchema } from '../../../cluster/records.ts';
import type { Container, PortRequest } from '../../../container/container.ts';
import { isAddress, parseAddress } from '../../../lib/addresses.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { go } from '../../go/json.ts';

/** `HostConfig.PortBindings`: `80/tcp` → where on the host. */
export const portBindings = go.map(
  go.list(go.object('nat.PortBinding', { HostIp: go.text(), HostPort: go.text() }), '[]nat.PortBinding'),
  'nat.PortMap',
);

/** `80`, `80/tcp`, `8000-8003/udp`. @throws invalid, in the words of go-connections */
export function parsePorts(texts: readonly string[]): readonly Port[] {
  return texts.flatMap((text) => {
    const [numbers = '', proto = 'tcp', ...more] = text.split('/');
    const range = parseRange(numbers);
    const protocol = portSchema.shape.protocol.safeParse(proto.toLowerCase());
    if (!range || range.first < 1 || !protocol.success || more.length > 0) {
      throw new FairleadError('invalid', `invalid port ${text}: expected PORT[-PORT][/tcp|udp|sctp]`);
    }
    return Array.from({ length: range.last - range.first + 1 }, (_, index) => ({
      protocol: protocol.data,
      port: range.first + index,
    }));
  });
}

/** @throws invalid, in the Engine's words */
export function parsePortBindings(map: z.infer<typeof portBindings>): readonly PortRequest[] {
  return Object.entries(map).flatMap(([key, bindings]) => {
    const [port, ...others] = parsePorts([key]);
    if (!port || others.length > 0) throw badPort(key.split('/')[0] ?? key);
    return bindings.map(({ HostIp, HostPort }) => ({
      ...port,
      ...(HostIp && { address: parseHostIp(HostIp) }),
      ...(HostPort && HostPort !== '0' && { range: parseRange(HostPort) ?? throwBadPort(HostPort) }),
    }));
  });
}

function parseHostIp(text: string): string {
  if (isAddress(text)) return parseAddress(text);
  // The Engine takes what is no address for all addresses: a port meant for one would be open to everybody.
  throw new FairleadError('invalid', `invalid IP address in port binding: ${text}`);
}

function parseRange(text: string): { readonly first: number; readonly last: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  return match && last <= 65535 && last >= first ? { first, last } : undefined;
}

function throwBadPort(text: string): never {
  throw badPort(text);
}

function badPort(text: string): FairleadError {
  return new FairleadError('invalid', `invalid port specification: "${text}"`);
}

/**
 * Ports are of the network that leads out by this host: in the host's stack, without a network, within an internal one, or
 * on a parent interface there are none.
 */
function canPublish({ state, attachments }: Container): boolean {
  if (state.status !== 'running') return false;
  return attachments.some(
    ({ interface: made }) => (made?.gateway ?? made?.gateway6) && made?.source.kind !== 'stacked',
  );
}

/** `NetworkSettings.Ports`: every exposed port, with the host's that lead to it or null. */
export function portsShape(container: Container): Record<string, unknown> {
  if (!canPublish(container)) return {};
  const { spec, published = [] } = container;
  const keys = new Set([...spec.exposedPorts, ...published].map(keyOf));
  return Object.fromEntries(
    [...keys].sort().map((key) => {
      const bound = published.filter((binding) => keyOf(binding) === key);
      // The Engine writes the missing port of a routed network so.
      const shown = bound.map(({ address, hostPort }) => ({
        HostIp: address,
        HostPort: hostPort === 0 ? '' : String(hostPort),
      }));
      return [key, shown.length === 0 ? null : shown];
    }),
  );
}

/** `Ports` of the container list. */
export function listPorts(container: Container): Record<string, unknown>[] {
  if (!canPublish(container)) return [];
  const { spec, published = [] } = container;
  const unbound = spec.exposedPorts
    .filter((port) => !published.some((b) => keyOf(b) === keyOf(port)))
    .sort((a, b) => a.port - b.port);
  return [
    ...published.map(({ address, port, hostPort, protocol }) => ({
      IP: address,
      PrivatePort: port,
      ...(hostPort === 0 ? {} : { PublicPort: hostPort }),
      Type: protocol,
    })),
    ...unbound.map(({ port, protocol }) => ({ PrivatePort: port, Type: protocol })),
  ];
}

function keyOf({ port, protocol }: Port): string {
  return `${port}/${protocol}`;
}
