import { isAlive, killTree, type ProcessIdentity, readIdentity } from './process-identity.ts';
import { type ContainerPaths, pathsOf } from './records/directory.ts';

/**
 * Namespaces of containers without a command, with a shim in them, made when something is first executed in them: until
 * then such a container is no process at all. What is executed shares them, and dies with them.
 */
export class PauseProcesses {
  readonly #directory: string;
  readonly #hold: (id: string) => Promise<ProcessIdentity>;
  readonly #starting = new Map<string, Promise<ProcessIdentity>>();

  constructor(directory: string, hold: (id: string) => Promise<ProcessIdentity>) {
    this.#directory = directory;
    this.#hold = hold;
  }

  /** The one that lives, even if an earlier daemon made it; else a new one. */
  async ensure(id: string): Promise<ProcessIdentity> {
    const starting = this.#starting.get(id);
    if (starting) return starting;
    const living = livingProcess(pathsOf(this.#directory, id));
    if (living) return living;
    const started = this.#hold(id).finally(() => this.#starting.delete(id));
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
