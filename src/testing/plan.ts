import { join } from 'node:path';
import { FairleadError } from '../lib/errors.ts';
import type { HostAddress } from '../lib/host-address.ts';
import type { FairleadOptions } from './contract.ts';
import { milliseconds } from './duration.ts';

/** More would not fit into the addresses that documentation has (RFC 5737), nor into anybody's test. */
const maxNodes = 50;

/** The options, read before anything is made. */
export interface Plan {
  readonly nodes: number;
  /** When the clock begins, Unix time in milliseconds. */
  readonly begin: number;
  /** Each daemon's settings, as in its configuration file. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** For sockets. */
  readonly needsFolder: boolean;
  addressOf(node: number, folder: string | undefined): HostAddress;
  /** 0: any; undefined: without a responder. */
  dnsPortOf(node: number): number | undefined;
}

/** @throws invalid, with what was expected */
export function planOf({ port, socketPath, dns = false, nodes = 1, time, ...rest }: FairleadOptions): Plan {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > maxNodes)
    throw new FairleadError(
      'invalid',
      `invalid nodes ${nodes}: expected a whole number from 1 to ${maxNodes}`,
    );
  for (const number of [port, dns]) refuseWrongPort(number);
  const ownSocket = socketPath === undefined || nodes > 1;
  return {
    nodes,
    begin: beginOf(time),
    settings: settingsOf(rest),
    // Windows has no unix sockets that Docker's clients know.
    needsFolder: port === undefined && ownSocket && process.platform !== 'win32',
    addressOf(node, folder) {
      if (node === 1 && socketPath !== undefined) return { kind: 'unix', path: socketPath };
      if (folder !== undefined)
        return { kind: 'unix', path: join(folder, node === 1 ? 'docker.sock' : `docker${node}.sock`) };
      return { kind: 'tcp', host: '127.0.0.1', port: node === 1 ? (port ?? 0) : 0, tls: false };
    },
    dnsPortOf(node) {
      if (dns === false) return undefined;
      return dns === true || node > 1 ? 0 : dns;
    },
  };
}

function refuseWrongPort(port: number | boolean | undefined): void {
  if (typeof port !== 'number' || (Number.isInteger(port) && port >= 0 && port <= 65535)) return;
  throw new FairleadError('invalid', `invalid port ${port}: expected a whole number from 0 to 65535`);
}

function settingsOf({ leaseTtl, defaultNetwork, logLevel = 'silent' }: FairleadOptions) {
  return {
    'log-level': logLevel,
    ...(leaseTtl === undefined ? {} : { 'lease-ttl': `${milliseconds(leaseTtl) / 1000}s` }),
    ...(defaultNetwork === undefined ? {} : { 'default-network': defaultNetwork }),
  };
}

function beginOf(time: Date | string | undefined): number {
  const begin = time === undefined ? Date.now() : new Date(time).getTime();
  if (Number.isFinite(begin)) return begin;
  throw new FairleadError(
    'invalid',
    `invalid time ${JSON.stringify(time)}: expected a Date or a text as in RFC 3339`,
  );
}
