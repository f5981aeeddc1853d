import type { ChildProcess } from 'node:child_process';
import type { Dataplane } from '../../dataplane/dataplane.ts';
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
import { type Launched, runInShim, shimPath, startShim } from './launch.ts';
import type { NamespaceSpec } from './namespaces.ts';
import { WaitingShims } from './waiting-shims.ts';

export interface SandboxPlaces {
  readonly dataplane: Pick<Dataplane, 'sandboxPath'>;
  readonly directory: string;
  readonly shim?: string;
}

/** Where a container's processes run, by its record. */
export class Starter {
  readonly #table: ContainerTable;
  readonly #places: SandboxPlaces;
  readonly #shims = new WaitingShims();

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

  /** The namespaces that a container's command, or its holder, gets. Its files are written. */
  where(id: string): Omit<NamespaceSpec, 'command'> {
    const paths = this.paths(id);
    const hostname = hostnameOf(this.#table, id);
    makeDirectory(paths);
    writeIdentityFiles(paths, hostname);
    const { domainname } = this.#table.require(id).spec;
    return { paths, networkNamespace: this.networkNamespace(id), hostname, domainname };
  }

  /** Before a start that is to come soon. */
  warmUp(id: string): void {
    // The files are bound before their text is known: a bind mount needs something to hold on to.
    makeDirectory(this.paths(id));
    writeNetworkFiles(this.paths(id), { resolvConf: '', hosts: '' });
    this.#shims.add(id, () => this.#startShim(id));
  }

  /** @throws as `planCommand` and `runInShim` */
  async launch({ id, spec }: Container, holdFor: number): Promise<Launched> {
    const command = planCommand(hostnameOf(this.#table, id), spec);
    const shim = this.#shims.take(id) ?? this.#startShim(id);
    return runInShim(shim, this.paths(id), command, { openStdin: spec.openStdin, holdFor });
  }

  /** After: no process of the container is left. */
  async clear(id: string): Promise<void> {
    await this.#shims.drop(id);
    await endProcess(this.paths(id));
  }

  async close(): Promise<void> {
    await this.#shims.dropAll();
  }

  #startShim(id: string): ChildProcess {
    return startShim(this.where(id), this.#places.shim ?? shimPath());
  }
}
