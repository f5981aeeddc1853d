import { isIP } from 'node:net';
import { FairleadError } from '../../lib/errors.ts';

/** A DNS server to forward to. */
export interface Upstream {
  readonly address: string;
  readonly port: number;
}

/** glibc reads no more nameserver lines either (resolv.conf(5), MAXNS). */
const maxServers = 3;

/** The servers of a resolv.conf, in order. Whatever is odd in it is passed over: people edit it by hand. */
export function parseResolvConf(text: string): readonly Upstream[] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => /^\s*nameserver\s+([^\s;#]+)/i.exec(line)?.[1])
    .flatMap((address) => (address && isAddress(address) ? [{ address, port: 53 }] : []))
    .slice(0, maxServers);
}

/**
 * A server of `--dns` or the address of `--dns-listen`: `1.2.3.4`, `1.2.3.4:5353`, `::1`, `[::1]:5353`,
 * or with `#` before the port as dnsmasq has it.
 * @throws invalid, naming `what` it was for
 */
export function parseServer(text: string, what = 'DNS server', defaultPort = 53): Upstream {
  const bracketed = /^\[(.+)\](?:[:#](\d+))?$/.exec(text) ?? /^([^#]+)#(\d+)$/.exec(text);
  const parts = bracketed ?? (isAddress(text) ? [text, text] : /^([^:]+):(\d+)$/.exec(text));
  const address = parts?.[1] ?? '';
  const port = Number(parts?.[2] ?? defaultPort);
  if (isAddress(address) && port <= 65535) return { address, port };
  const expected = 'expected ADDRESS[:PORT], such as 192.0.2.1 or [2001:db8::1]:5353';
  throw new FairleadError('invalid', `invalid ${what} ${text}: ${expected}`);
}

/** A link-local address may name its interface: `fe80::1%eth0`. */
function isAddress(text: string): boolean {
  return isIP(text) !== 0;
}
