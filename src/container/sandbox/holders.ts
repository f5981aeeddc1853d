import { type ContainerPaths, pathsOf } from './directory.ts';
import { launchHolder } from './launch.ts';
import type { Tenant } from './namespaces.ts';
import { isAlive, killTree, type ProcessIdentity, readIdentity } from './process-identity.ts';

/**
 * Namespaces of containers without a command, made when something is first executed in them: until then
 * such a container is no process at all. What is executed shares them, and dies with them.
 */
export class Holders {
  readonly #directory: string;
  readonly #starting = new Map<string, Promise<ProcessIdentity>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The one that lives, even if an earlier daemon made it; else a new one. `network`: a file to enter its namespace by. */
  async ensure(id: string, tenant: () => Tenant, network: string): Promise<ProcessIdentity> {
    const starting = this.#starting.get(id);
    if (starting) return starting;
    const living = livingProcess(pathsOf(this.#directory, id));
    if (living) return living;
    const started = launchHolder(tenant, network).finally(() => this.#starting.delete(id));
    this.#starting.set(id, started);
    return started;
  }

  async end(id: string): Promise<void> {
    await this.#starting.get(id)?.catch(() => {});
    await endProcess(pathsOf(this.#directory, id));
  }
}

/** Ends whatever runs a container, with everything in its namespaces. */
export async function endProcess(paths: ContainerPaths): Promise<void> {
  const living = livingProcess(paths);
  if (living) await killTree(living);
}

export function livingProcess(paths: ContainerPaths): ProcessIdentity | undefined {
  const identity = readIdentity(paths.process);
  return identity && isAlive(identity) ? identity : undefined;
}
