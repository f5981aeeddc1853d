import { FairleadError } from '../../src/lib/errors.ts';
import { joinHostPort } from '../../src/lib/host-address.ts';
import { isKey } from '../limits.ts';

/** `--kv-store`, parsed: PROVIDER:URL[,URL…][/PATH] or PROVIDER://URL[,URL…][/PATH]. */
export interface StoreSpec {
  readonly provider: Provider;
  readonly servers: readonly Server[];
  /** What every key begins with on the server; ends in `/`. */
  readonly prefix: string;
  /** How users know it: `consul:localhost:8500/prefix`. */
  readonly name: string;
}

export interface Server {
  readonly host: string;
  readonly port: number;
  /** True by `https://` before the host; TLS options make it so for all. */
  readonly secure: boolean;
}

/** The stores of several hosts, with the port of each. */
const defaultPorts = { consul: 8500, etcd: 2379, zookeeper: 2181 } as const;
export type Provider = keyof typeof defaultPorts;
export const providers: readonly Provider[] = ['consul', 'etcd', 'zookeeper'];

const aliases: Readonly<Record<string, Provider>> = {
  consul: 'consul',
  etcd: 'etcd',
  etcd3: 'etcd',
  zk: 'zookeeper',
  zookeeper: 'zookeeper',
};

/** Other programs use the same servers: this is ours, below the path that the URL names. */
const ownFolder = 'fairlead/';
const hostPattern = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;

/** @throws invalid, with the form that is expected */
export function parseStoreSpec(text: string): StoreSpec {
  const [word = ''] = text.split(':', 1);
  const provider = aliases[word.toLowerCase()];
  if (!provider) throw unknownProvider(text);
  const rest = text.slice(word.length + 1).replace(/^\/\//, '');
  // Before all else, so that no message repeats a password.
  if (rest.includes('@')) throw wrong(provider, 'user and password belong into --kv-store-opt');
  const { list, path } = splitPath(rest);
  const servers = list.split(',').map((server) => parseServer(provider, server));
  if (path !== '' && !isKey(path)) throw wrong(provider, `"${path}" is not a path`);
  return {
    provider,
    servers,
    prefix: path === '' ? ownFolder : `${path}/${ownFolder}`,
    name: nameOf(provider, servers, path),
  };
}

/** The path is what follows the first slash that is not of an `http://`. */
function splitPath(text: string): { readonly list: string; readonly path: string } {
  const slash = /(?<![:/])\/(?!\/)/.exec(text);
  if (!slash) return { list: text, path: '' };
  return { list: text.slice(0, slash.index), path: text.slice(slash.index).replace(/^\/|\/+$/g, '') };
}

function parseServer(provider: Provider, text: string): Server {
  const [, scheme = '', address = ''] = /^(https?:\/\/)?(.*)$/.exec(text) ?? [];
  const match = hostPattern.exec(address);
  const port = Number(match?.[2] ?? defaultPorts[provider]);
  if (!match?.[1] || port < 1 || port > 65535) throw wrong(provider, `"${text}" is not a host and port`);
  return { host: match[1].replace(/^\[|\]$/g, ''), port, secure: scheme === 'https://' };
}

function nameOf(provider: Provider, servers: readonly Server[], path: string): string {
  return `${provider}:${servers.map(addressOf).join(',')}${path === '' ? '' : `/${path}`}`;
}

export function addressOf({ host, port }: Server): string {
  return joinHostPort(host, port);
}

function unknownProvider(text: string): FairleadError {
  const given = /^[A-Za-z0-9_-]*(?=:|$)/.exec(text)?.[0] ?? '';
  return new FairleadError(
    'invalid',
    `unknown kv store provider "${given}": use one of ${providers.join(', ')}, as in consul:localhost:8500`,
  );
}

function wrong(provider: Provider, what: string): FairleadError {
  const example = `${provider}:localhost:${defaultPorts[provider]}`;
  return new FairleadError(
    'invalid',
    `invalid kv store URL: ${what}; expected ${example}[,HOST:PORT…][/PATH]`,
  );
}
