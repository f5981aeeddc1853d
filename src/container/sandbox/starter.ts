import { statSync } from 'node:fs';
import type { Dataplane } from '../../dataplane/dataplane.ts';
import { builtFile } from '../../lib/built-file.ts';
import type { ContainerTable } from '../container-table.ts';
import type { Container } from '../runtime.ts';
import { resolveSandbox } from '../sandbox-of.ts';
import { planCommand } from './command.ts';
import {
  type ContainerPaths,
  makeDirectory,
  pathsOf,
  writeIdentityFiles,
  writeNetworkFiles,
} from './directory.ts';
import { endProcess } from './holders.ts';
import { hostnameOf } from './hostname.ts';
import { type Launched, runInShim } from './launch.ts';
import { Namespaces, type Tenant } from './namespaces.ts';
import { Spare } from './spare.ts';
import { WaitingShims } from './waiting-shims.ts';

export interface SandboxPlaces {
  readonly dataplane: Pick<Dataplane, 'ensureSandbox' | 'sandboxPath'>;
  readonly directory: string;
  readonly shim?: string;
}

/** Where a container's processes run, by its record. */
export class Starter {
  readonly #table: ContainerTable;
  readonly #places: SandboxPlaces;
  readonly #shims = new WaitingShims();
  readonly #spare = new Spare(() => this.#newShim());

  constructor(table: ContainerTable, places: SandboxPlaces) {
    this.#table = table;
    this.#places = places;
  }

  paths(id: string): ContainerPaths {
    return pathsOf(this.#places.directory, id);
  }

  networkNamespace(id: string): string {
    return this.#places.dataplane.sandboxPath(resolveSandbox(this.#table, id));
  }

  /** The container as its command's, or its holder's, namespaces get it. Its files are written. */
  tenant(id: string): Tenant {
    const paths = this.paths(id);
    const hostname = hostnameOf(this.#table, id);
    makeDirectory(paths);
    writeIdentityFiles(paths, hostname);
    return { paths, hostname, domainname: this.#table.require(id).spec.domainname };
  }

  /** Before a start that is to come soon. After: the container's sandbox is there, and a shim waits in it. */
  async warmUp(id: string): Promise<void> {
    // The files are bound before their text is known: a bind mount needs something to hold on to.
    writeNetworkFiles(this.paths(id), { resolvConf: '', hosts: '' });
    const fresh = this.#shims.has(id) ? undefined : await this.#shimIn(id);
    if (fresh) this.#shims.add(id, fresh);
    else await this.ensureSandbox(id);
  }

  /** Its own; nothing where it shares another's. */
  async ensureSandbox(id: string): Promise<void> {
    if (resolveSandbox(this.#table, id) === id) await this.#places.dataplane.ensureSandbox(id);
  }

  /** @throws as `planCommand` and `runInShim` */
  async launch({ id, spec }: Container, holdFor: number): Promise<Launched> {
    const command = planCommand(hostnameOf(this.#table, id), spec);
    const shim = this.#shims.take(id) ?? (await this.#shimIn(id));
    try {
      return await runInShim(shim, this.paths(id), command, { openStdin: spec.openStdin, holdFor });
    } finally {
      this.#spare.refill();
    }
  }

  /** After: no process of the container is left. */
  async clear(id: string): Promise<void> {
    await this.#shims.drop(id);
    await endProcess(this.paths(id));
  }

  async close(): Promise<void> {
    await Promise.all([this.#spare.close(), this.#shims.dropAll()]);
  }

  /** In the container's sandbox, which is there afterwards. */
  async #shimIn(id: string): Promise<Namespaces> {
    const shim = (await this.#spareFor(id)) ?? this.#newShim(this.networkNamespace(id));
    await shim.settle(() => this.tenant(id));
    return shim;
  }

  /** Undefined when the container's sandbox is another one: shared, or there before. */
  async #spareFor(id: string): Promise<Namespaces | undefined> {
    if (resolveSandbox(this.#table, id) !== id) return undefined;
    const spare = await this.#spare.take();
    try {
      await this.#places.dataplane.ensureSandbox(id, spare.pid);
      if (isSameFile(this.networkNamespace(id), `/proc/${spare.pid}/ns/net`)) return spare;
    } catch (error) {
      await spare.end();
      throw error;
    }
    await spare.end();
    return undefined;
  }

  /** Without a network namespace to enter it has one of its own. */
  #newShim(network?: string): Namespaces {
    return new Namespaces([process.execPath, this.#places.shim ?? builtFile('shim.cjs')], network);
  }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [statSync(one), statSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}
