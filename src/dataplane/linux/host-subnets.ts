import { fromNumber, parseSubnet } from '../../lib/addresses.ts';
import { batch, ip, tolerating } from './ip.ts';
import type { LinuxHost } from './linux-host.ts';

/** Of the namespace of who opens them; what `ip` says of routes is the same, and costs a process for each family. */
export const routeFiles = ['/proc/self/net/route', '/proc/self/net/ipv6_route'] as const;

/**
 * Destinations of the host's routes (CIDR, each once), without default routes, link-local ones, those of the
 * host's own addresses, and those by a device of `except`. `v4`, `v6`: the texts of `routeFiles`.
 */
export function hostSubnets(v4: string, v6: string, except: (device: string) => boolean): readonly string[] {
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');
  const subnets = [
    ...lines(v4)
      .slice(1)
      .flatMap((line) => parseV4(line.trim().split(/\s+/), except)),
    ...lines(v6).flatMap((line) => parseV6(line.trim().split(/\s+/), except)),
  ];
  return [...new Set(subnets)].filter((subnet) => !/^(fe80:|ff)/.test(subnet));
}

/** The kernel's largest: any other route to the same goes before. */
const leastPreferred = 0xffff_ffff;

/** `present`: what the device has now. Engines pass over what has a route of scope link (28.5) or any (20.10). */
export async function reserveSubnets(
  host: LinuxHost,
  device: string,
  present: readonly string[],
  wanted: readonly string[],
): Promise<void> {
  const gone = present.filter((subnet) => !wanted.includes(subnet));
  const missing = wanted.filter((subnet) => !present.includes(subnet));
  await batch(host, [
    ...gone.map((subnet) => tolerating(/No such process/, ip`route del ${subnet} dev ${device}`)),
    ...missing.map((subnet) =>
      tolerating(/File exists/, ip`route add ${subnet} dev ${device} scope link metric ${leastPreferred}`),
    ),
  ]);
}

/** Words as the machine has them, in its own byte order (fib_route_seq_show of the kernel's fib_trie.c). */
function parseV4(words: readonly string[], except: (device: string) => boolean): string[] {
  const [device = '', destination = '', , , , , , mask = ''] = words;
  if (Number.parseInt(mask, 16) === 0 || except(device)) return [];
  const length = [...wordOf(mask).toString(2)].filter((bit) => bit === '1').length;
  return [`${fromNumber(BigInt(wordOf(destination)), 4)}/${length}`];
}

/** The machine's own order, whichever that is: little-endian, or s390x. */
function wordOf(hex: string): number {
  const bytes = Buffer.from(hex.padStart(8, '0'), 'hex');
  return littleEndian ? bytes.readUInt32LE() : bytes.readUInt32BE();
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Of uapi/linux/ipv6_route.h: what the kernel keeps for addresses of its own. */
const localRoute = 0x8000_0000;
const anycastRoute = 0x0010_0000;

/** Destination, length, source, length, next hop, metric, two counters, flags, device (rt6_info_route). */
function parseV6(words: readonly string[], except: (device: string) => boolean): string[] {
  const [destination = '', length = '', , , , , , , flags = '', device = ''] = words;
  if (length === '00' || except(device)) return [];
  if ((Number.parseInt(flags, 16) & (localRoute | anycastRoute)) !== 0) return [];
  const cidr = `${fromNumber(BigInt(`0x${destination}`), 6)}/${Number.parseInt(length, 16)}`;
  return [parseSubnet(cidr).text];
}
