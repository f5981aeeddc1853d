import type { Dataplane } from '../../dataplane/dataplane.ts';
import type { ContainerTable } from '../container-table.ts';
import type { Container } from '../runtime.ts';
import { resolveSandbox } from '../sandbox-of.ts';
import { planCommand } from './command.ts';
import { type ContainerPaths, pathsOf, writeIdentityFiles } from './directory.ts';
import { hostnameOf } from './hostname.ts';
import { type Launched, launchShim, shimPath } from './launch.ts';
import type { NamespaceSpec } from './namespaces.ts';

export interface SandboxPlaces {
  readonly dataplane: Pick<Dataplane, 'sandboxPath'>;
  readonly directory: string;
  readonly shim?: string;
}

/** Where a container's processes run, by its record. */
export class Starter {
  readonly #table: ContainerTable;
  readonly #places: SandboxPlaces;

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
    writeIdentityFiles(paths, hostname);
    const { domainname } = this.#table.require(id).spec;
    return { paths, networkNamespace: this.networkNamespace(id), hostname, domainname };
  }

  /** @throws as `planCommand` and `launchShim` */
  launch({ id, spec }: Container, holdFor: number): Promise<Launched> {
    const command = planCommand(hostnameOf(this.#table, id), spec);
    const { openStdin } = spec;
    return launchShim(this.where(id), this.#places.shim ?? shimPath(), command, { openStdin, holdFor });
  }
}
