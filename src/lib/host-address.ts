import { FairleadError } from './errors.ts';

/** Where a daemon listens and a client calls: one value of `--host`. */
export type HostAddress =
  | {
      readonly kind: 'unix';
      readonly path: string;
      /** Where anybody may make a folder of that name (/tmp), it counts only when it is this user's alone. */
      readonly ownFolder?: string;
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean };

/** Docker's port for plain HTTP, and the one for TLS. */
const plainPort = 2375;
const tlsPort = 2376;

/**
 * Parses `unix:///path`, `/path`, `tcp://host[:port]`, `http://…` or `https://…`.
 * @throws invalid, naming the forms
 */
export function parseHostAddress(text: string): HostAddress {
  const path = text.startsWith('unix://') ? text.slice('unix://'.length) : text;
  if (path.startsWith('/')) return { kind: 'unix', path };
  return parseTcp(text) ?? badHost(text);
}

function parseTcp(text: string): HostAddress | undefined {
  const match = /^(tcp|http|https):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/.exec(text);
  if (!match) return undefined;
  const [, scheme, host = '', port] = match;
  const tls = scheme === 'https' || port === String(tlsPort);
  const number = port === undefined ? (tls ? tlsPort : plainPort) : Number(port);
  if (number > 65535) return undefined;
  return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port: number, tls };
}

function badHost(text: string): never {
  throw new FairleadError(
    'invalid',
    `invalid host "${text}": expected unix:///path/to.sock or tcp://HOST:PORT`,
  );
}

/** `localhost`, or an address of 127.0.0.0/8 or ::1, which no other machine reaches. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host);
}

export function formatHostAddress(address: HostAddress): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  return `tcp://${joinHostPort(address.host, address.port)}`;
}

/** `10.0.0.1:53`, `[fd00::1]:53` (RFC 3986 section 3.2.2); `port` may be a range. */
export function joinHostPort(host: string, port: number | string): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** `/run/fairlead.sock`, or one of the user's own without root. */
export function defaultHostAddress(env: NodeJS.ProcessEnv, uid: number | undefined): HostAddress {
  if (uid === 0) return { kind: 'unix', path: '/run/fairlead.sock' };
  const session = env.XDG_RUNTIME_DIR ?? (uid === undefined ? '/tmp' : undefined);
  if (session !== undefined) return { kind: 'unix', path: `${session}/fairlead.sock` };
  // Where no session gave the user a runtime directory (su, cron): a folder that the daemon makes.
  const ownFolder = `${env.TMPDIR ?? '/tmp'}/fairlead-${uid}`;
  return { kind: 'unix', path: `${ownFolder}/fairlead.sock`, ownFolder };
}
