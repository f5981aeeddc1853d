import { UsageError } from '../../../failure.ts';

interface Ports {
  /** `80/tcp` → {} */
  readonly exposed: Readonly<Record<string, Record<string, never>>>;
  /** `80/tcp` → host addresses and ports */
  readonly bindings: Readonly<
    Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>
  >;
}

/** `[IP:][HOSTPORT[-HOSTPORT]:]PORT[-PORT][/PROTOCOL]` */
const published =
  /^(?:(\[[0-9a-fA-F:]+\]|\d+\.\d+\.\d+\.\d+):)?(?:(\d{1,5}(?:-\d{1,5})?)?:)?(\d{1,5}(?:-\d{1,5})?)(?:\/(\w+))?$/;

/** `-p` and `--expose` as the create body has them. @throws UsageError */
export function portsOf(publish: readonly string[], expose: readonly string[]): Ports {
  const exposed: Record<string, Record<string, never>> = {};
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const text of expose) exposed[text.includes('/') ? text : `${text}/tcp`] = {};
  for (const text of publish) {
    for (const { port, address, hostPort } of parsePublished(text)) {
      exposed[port] = {};
      bindings[port] = [...(bindings[port] ?? []), { HostIp: address, HostPort: hostPort }];
    }
  }
  return { exposed, bindings };
}

function parsePublished(text: string) {
  const [all, address = '', hosts = '', containers = '', protocol = 'tcp'] = published.exec(text) ?? [];
  const inside = range(containers);
  const outside = hosts === '' ? undefined : range(hosts);
  const mismatch = outside && outside.length !== inside.length;
  if (all === undefined || inside.length === 0 || mismatch || !/^(tcp|udp|sctp)$/.test(protocol)) {
    throw new UsageError(
      `invalid argument "${text}" for "-p, --publish" flag: expected [[IP:]HOSTPORT:]PORT[/PROTOCOL]`,
    );
  }
  return inside.map((port, index) => ({
    port: `${port}/${protocol}`,
    address: address.replace(/^\[|\]$/g, ''),
    hostPort: outside ? String(outside[index]) : '',
  }));
}

/** `8000-8002` → the three; empty when it is no range of ports. */
function range(text: string): readonly number[] {
  const [first = Number.NaN, last = first] = text.split('-').map(Number);
  if (!(first >= 1 && last <= 65535 && first <= last)) return [];
  return Array.from({ length: last - first + 1 }, (_unused, index) => first + index);
}
