import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { isAddress } from '../lib/addresses.ts';
import { FairleadError } from '../lib/errors.ts';
import { readText } from '../lib/read-text.ts';

/** What the choice of an address depends on. */
export interface HostInterfaces {
  readonly interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
  /** Names of the interfaces of default routes, the preferred one first. */
  readonly defaultRoutes: readonly string[];
}

/**
 * The address that other nodes reach this one at: the one given, that of the interface given, that of the
 * default route's interface, else the first that is not loopback. Undefined when there is none at all.
 * `skip`: interfaces that are no underlay (the node's own bridges).
 * @throws invalid when the interface given is not there or has no address that others could reach
 */
export function chooseAdvertise(
  given: string | undefined,
  skip: (device: string) => boolean,
  host: HostInterfaces = interfacesOfThisHost(),
): string | undefined {
  if (given !== undefined) return isAddress(given) ? given : addressOfInterface(given, host);
  const others = Object.keys(host.interfaces).filter((name) => !skip(name));
  for (const name of [...host.defaultRoutes, ...others]) {
    const address = firstGlobal(host.interfaces[name]);
    if (address !== undefined) return address;
  }
  return undefined;
}

function addressOfInterface(name: string, { interfaces }: HostInterfaces): string {
  const address = firstGlobal(interfaces[name]);
  if (address !== undefined) return address;
  const known = Object.keys(interfaces).filter((other) => firstGlobal(interfaces[other]) !== undefined);
  const problem = interfaces[name]
    ? 'has no address that other nodes could reach'
    : 'is not there or has no address';
  throw new FairleadError(
    'invalid',
    `--advertise ${name}: the interface ${problem}; there are: ${known.join(', ') || 'none'}`,
  );
}

/** IPv4 before IPv6, as most underlays have it. */
function firstGlobal(addresses: readonly NetworkInterfaceInfo[] = []): string | undefined {
  const reachable = addresses.filter(({ internal, address }) => !internal && !isLinkLocal(address));
  return (reachable.find(({ family }) => family === 'IPv4') ?? reachable[0])?.address;
}

/** RFC 3927 and RFC 4291 section 2.5.6: good on one link only, and in IPv6 not without its zone. */
function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address);
}

function interfacesOfThisHost(): HostInterfaces {
  // Not there on other systems than Linux: then the interfaces have to do.
  const [ipv4 = '', ipv6 = ''] = ['/proc/net/route', '/proc/net/ipv6_route'].map(readText);
  return { interfaces: networkInterfaces(), defaultRoutes: defaultRoutes(ipv4, ipv6) };
}

/** From the text of /proc/net/route and /proc/net/ipv6_route; the least metric first, IPv4 before IPv6. */
export function defaultRoutes(ipv4: string, ipv6: string): readonly string[] {
  const rows = (text: string) => text.split('\n').map((line) => line.trim().split(/\s+/));
  // Iface Destination Gateway Flags RefCnt Use Metric Mask …
  const routes4 = rows(ipv4)
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .map(([device = '', , , , , , metric]) => ({ device, metric: Number(metric) }));
  // destination length source length nextHop metric refCnt use flags device, all in hex
  const routes6 = rows(ipv6)
    .filter(([destination = '', length]) => /^0{32}$/.test(destination) && length === '00')
    .map((row) => ({ device: row[9] ?? '', metric: Number.parseInt(row[5] ?? '', 16) }))
    .filter(({ device }) => device !== 'lo');
  const byMetric = (a: { metric: number }, b: { metric: number }) => a.metric - b.metric;
  return [...routes4.sort(byMetric), ...routes6.sort(byMetric)].map(({ device }) => device);
}
