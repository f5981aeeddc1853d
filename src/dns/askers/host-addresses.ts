import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { contains, parseSubnet } from '../../lib/addresses.ts';

/** Milliseconds for which what was read of the kernel is believed: strangers must not make it be read for each packet. */
const believedMs = 200;

/** Device → its addresses, as Node tells them. */
export type Interfaces = NodeJS.Dict<readonly { readonly address: string; readonly cidr: string | null }[]>;

/** The addresses of this host, and the IPv4 subnets that are on this host alone. */
export class HostAddresses {
  #readAt = Number.NEGATIVE_INFINITY;
  #devices: Interfaces = {};
  #own: ReadonlySet<string> = new Set();
  /** Undefined until it is asked for: it takes a look at every device. */
  #inner: readonly string[] | undefined;

  constructor(
    private readonly interfaces: () => Interfaces = networkInterfaces,
    private readonly routes = ipv4Routes,
    private readonly devices = '/sys/class/net',
  ) {}

  /** Loopback included. */
  has(address: string): boolean {
    if (isLoopback(address)) return true;
    this.#refresh();
    return this.#own.has(address);
  }

  /**
   * Whether the address is on a subnet of a bridge that has no router behind it: of containers, an Engine's say. Any
   * other device has neighbours behind it.
   */
  isInner(address: string): boolean {
    this.#refresh();
    this.#inner ??= this.#innerSubnets();
    return this.#inner.some((cidr) => contains(parseSubnet(cidr), address));
  }

  #refresh(): void {
    if (performance.now() - this.#readAt < believedMs) return;
    this.#readAt = performance.now();
    this.#devices = this.interfaces();
    this.#own = new Set(
      Object.values(this.#devices).flatMap((infos = []) => infos.map(({ address }) => address)),
    );
    this.#inner = undefined;
  }

  #innerSubnets(): readonly string[] {
    const uplinks = uplinksOf(this.routes());
    return Object.entries(this.#devices)
      .filter(([device]) => !uplinks.has(device) && this.#mayBeBridge(device))
      .flatMap(([, infos = []]) => infos.flatMap(({ cidr }) => cidr ?? []));
  }

  /** Sysfs shows the devices of the namespace that it was mounted in: of others it says nothing. */
  #mayBeBridge(device: string): boolean {
    const folder = `${this.devices}/${device}`;
    return existsSync(`${folder}/bridge`) || !existsSync(folder);
  }
}

/** No packet from there is anybody's but the host's (RFC 1122 section 3.2.1.3). */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** None where the kernel has no IPv4, or is another system's. */
function ipv4Routes(): string {
  try {
    return readFileSync('/proc/net/route', 'utf8');
  } catch {
    return '';
  }
}

/** Devices by which a route leads to a router; from the text of /proc/net/route, proc_pid_net(5). */
function uplinksOf(routes: string): ReadonlySet<string> {
  const rows = routes.split('\n').map((line) => line.trim().split(/\s+/));
  return new Set(
    rows.flatMap(([device, , , flags]) =>
      device && Number.parseInt(flags ?? '', 16) & rtfGateway ? device : [],
    ),
  );
}

const rtfGateway = 2;
