import { readFileSync } from 'node:fs';
import { FairleadError, messageOf } from '../../src/lib/errors.ts';
import type { Provider } from './spec.ts';

/** `--kv-store-opt`, read: files are loaded, so a wrong path is told at start. Holds secrets: never log it. */
export interface StoreOptions {
  readonly tls: TlsOptions | undefined;
  /** Consul's ACL token. */
  readonly token: string | undefined;
  /** Consul Enterprise's namespace. */
  readonly namespace: string | undefined;
  /** etcd's user, or ZooKeeper's for the digest scheme. */
  readonly login: { readonly user: string; readonly password: string } | undefined;
}

export interface TlsOptions {
  /** PEM. The system's authorities when absent. */
  readonly ca: Buffer | undefined;
  readonly client: { readonly cert: Buffer; readonly key: Buffer } | undefined;
}

/** Which option each provider knows. The first three are spelled as Docker's were, `kv.` before them or not. */
const tlsOptions = ['cacertfile', 'certfile', 'keyfile'];
const known: Readonly<Record<Provider, readonly string[]>> = {
  consul: [...tlsOptions, 'token', 'tokenfile', 'namespace'],
  etcd: [...tlsOptions, 'user', 'password', 'passwordfile'],
  zookeeper: [...tlsOptions, 'user', 'password', 'passwordfile'],
};

/** @throws invalid for an unknown option, one that lacks its partner, or a file that cannot be read */
export function parseStoreOptions(provider: Provider, given: Readonly<Record<string, string>>): StoreOptions {
  const options = new Map(Object.entries(given).map(([name, value]) => [name.replace(/^kv\./, ''), value]));
  for (const name of options.keys()) {
    if (known[provider].includes(name)) continue;
    const list = known[provider].join(', ');
    throw new FairleadError('invalid', `unknown --kv-store-opt "${name}" for ${provider}: use ${list}`);
  }
  return {
    tls: tlsOf(options),
    token: secret(options, 'token'),
    namespace: options.get('namespace'),
    login: loginOf(options),
  };
}

function tlsOf(options: ReadonlyMap<string, string>): TlsOptions | undefined {
  if (!tlsOptions.some((name) => options.has(name))) return undefined;
  const ca = file(options, 'cacertfile');
  const cert = file(options, 'certfile');
  const key = file(options, 'keyfile');
  if (cert && key) return { ca, client: { cert, key } };
  if (cert || key) throw needs('certfile', 'keyfile');
  return { ca, client: undefined };
}

function loginOf(options: ReadonlyMap<string, string>): StoreOptions['login'] {
  const user = options.get('user');
  const password = secret(options, 'password');
  if (user === undefined && password === undefined) return undefined;
  if (user === undefined || password === undefined) throw needs('user', 'password');
  return { user, password };
}

/** Given itself or, so that it shows in no process list, by file. */
function secret(options: ReadonlyMap<string, string>, name: string): string | undefined {
  const fromFile = file(options, `${name}file`)?.toString('utf8').trim();
  return options.get(name) ?? fromFile;
}

function file(options: ReadonlyMap<string, string>, name: string): Buffer | undefined {
  const path = options.get(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FairleadError('invalid', `--kv-store-opt ${name}: ${messageOf(error)}`, { cause: error });
  }
}

function needs(one: string, other: string): FairleadError {
  return new FairleadError('invalid', `--kv-store-opt ${one} and ${other} belong together: give both`);
}
