import { join } from 'node:path';
import { Failure, UsageError } from '../../failure.ts';
import { findProgram } from './requirements.ts';

interface StoreKind {
  readonly program: string;
  /** What installs it. */
  readonly install: string;
  readonly port: number;
  readonly words: (address: string, folder: string) => readonly string[];
}

const kinds: Readonly<Record<string, StoreKind>> = {
  etcd: {
    program: 'etcd',
    install: 'apt-get install etcd-server',
    port: 2379,
    words: (address, folder) => [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=http://${address}:2379`,
      `--advertise-client-urls=http://${address}:2379`,
      '--listen-peer-urls=http://127.0.0.1:2380',
      '--initial-advertise-peer-urls=http://127.0.0.1:2380',
      '--initial-cluster=default=http://127.0.0.1:2380',
      '--log-level=error',
    ],
  },
  consul: {
    program: 'consul',
    install: 'see consul.io; Debian 11 has the package consul',
    port: 8500,
    words: (address) => ['agent', '-dev', `-client=${address}`, `-bind=${address}`, '-log-level=err'],
  },
};

/** One member, with its data in a folder that goes away with the playground. */
export interface ChosenStore {
  readonly name: string;
  readonly port: number;
  readonly argv: (address: string, folder: string) => readonly [string, ...string[]];
}

/** @throws UsageError for a name that is none, Failure when the server is not installed */
export function chooseStore(wanted: string, path: string): ChosenStore {
  const names = wanted === '' ? Object.keys(kinds) : [wanted];
  for (const name of names) {
    const kind = kinds[name];
    if (!kind) throw new UsageError(`--store ${name}: expected ${Object.keys(kinds).join(', ')}`);
    const program = findProgram(kind.program, path);
    if (program === undefined) continue;
    return {
      name,
      port: kind.port,
      argv: (address, folder) => [program, ...kind.words(address, folder)],
    };
  }
  const ways = names.map((name) => `${name}: ${kinds[name]?.install}`).join('; ');
  throw new Failure(`the playground needs the server of a KV store, and found none. ${ways}`);
}
