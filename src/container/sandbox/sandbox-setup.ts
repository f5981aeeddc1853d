import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import type { Sandboxes } from '../../dataplane/sandboxes.ts';
import { distFile } from '../../lib/dist-file.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Container } from '../container.ts';
import { defaultIsolation, type Isolation } from '../isolation.ts';
import type { ContainerTable } from '../own/container-table.ts';
import { resolveSandbox } from '../own/sandbox-of.ts';
import { mainProgram } from './command.ts';
import { hostnameOf } from './hostname.ts';
import { type HostMount, hostMounts, mountTable } from './namespaces/host-mounts.ts';
import { type NamespacePlan, planNamespaces } from './namespaces/namespace-plan.ts';
import { type NamespaceOwner, Namespaces } from './namespaces/namespaces.ts';
import { writeOwnerFiles } from './namespaces/owner-files.ts';
import { PrewarmedShim } from './namespaces/prewarmed-shim.ts';
import { endProcess } from './pause-process.ts';
import type { ProcessIdentity } from './process-identity.ts';
import {
  type ContainerPaths,
  makeDirectory,
  pathsOf,
  writeIdentityFiles,
  writeNetworkFiles,
} from './records/directory.ts';
import { type Launched, runInShim } from './shim-client/launch.ts';
import { shimPatience } from './shim-client/shim-connection.ts';
import { WaitingShims } from './shim-client/waiting-shims.ts';

export interface SandboxSetupOptions {
  readonly dataplane: Pick<Sandboxes, 'ensureSandbox' | 'sandboxPath'>;
  /** Containers' files, one directory each; made if missing. */
  readonly directory: string;
  /** Of named volumes. */
  readonly volumes: string;
  /** Further directories that containers do not see; `directory` is one. */
  readonly hidden: readonly string[];
  /** The built shim; by default `shim.cjs` in dist. */
  readonly shim?: string;
  /** Milliseconds that it has to answer; by default many (shim-connection.ts). */
  readonly patience?: number;
}

/** Namespaces with a shim, and the mounts of the host that they have. */
interface Mounted {
  readonly shim: Namespaces;
  readonly host: readonly HostMount[];
}

const mostTries = 10;

/** Where a container's processes run, by its record. */
export class SandboxSetup {
  readonly #table: ContainerTable;
  readonly #places: SandboxSetupOptions;
  readonly #shims = new WaitingShims();
  readonly #prewarmed = new PrewarmedShim((plan) => this.#newShim(plan));

  constructor(table: ContainerTable, places: SandboxSetupOptions) {
    this.#table = table;
    this.#places = places;
  }

  paths(id: string): ContainerPaths {
    return pathsOf(this.#places.directory, id);
  }

  networkNamespace(id: string): string {
    return this.#places.dataplane.sandboxPath(resolveSandbox(this.#table, id));
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

  /** @throws as `mainProgram` and `runInShim` */
  async launch(container: Container, holdFor: number): Promise<Launched> {
    const { id } = container;
    const program = mainProgram(hostnameOf(this.#table, id), container);
    const shim = this.#shims.take(id) ?? (await this.#shimIn(id));
    const launched = await runInShim(shim, { program, holdFor });
    this.#prewarmed.refill(this.#plan(defaultIsolation));
    return launched;
  }

  /** Namespaces with a shim, of a container without a command whose sandbox is there. */
  async hold(id: string): Promise<ProcessIdentity> {
    const { shim, host } = await this.#fresh(id, this.networkNamespace(id));
    await shim.settle(() => this.#owner(id, host));
    return (await runInShim(shim, { holdFor: 0 })).outer;
  }

  /** After: no process of the container is left. */
  async clear(id: string): Promise<void> {
    await this.#shims.drop(id);
    await endProcess(this.paths(id));
  }

  async close(): Promise<void> {
    await Promise.all([this.#prewarmed.close(), this.#shims.dropAll()]);
    removeEmpty(this.#stage);
  }

  /** In the container's sandbox, which is there afterwards. */
  async #shimIn(id: string): Promise<Namespaces> {
    const { shim, host } =
      (await this.#shimAsSandbox(id)) ?? (await this.#fresh(id, this.networkNamespace(id)));
    await shim.settle(() => this.#owner(id, host));
    return shim;
  }

  /**
   * New namespaces, with the host's mounts as they were planned for: of a mount that came while they were copied the plan
   * does not know, and would leave it open. `network`: as `newShim`. @throws as `Namespaces.ready`, unavailable
   */
  async #fresh(id: string, network?: string): Promise<Mounted> {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const table = mountTable();
      const host = hostMounts(table);
      const shim = this.#newShim(this.#plan(this.#isolation(id), host), network);
      const failure = await shim.ready.then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      const isStill = mountTable() === table;
      if (isStill && !failure) return { shim, host };
      await shim.end();
      if (isStill && failure) throw failure.error;
    }
    const message = `this host mounts and unmounts file systems all the time: ${mostTries} times while a container was started`;
    throw new FairleadError('unavailable', message);
  }

  /** The container as its namespaces get it. Its files are written. */
  #owner(id: string, host: readonly HostMount[]): NamespaceOwner {
    const paths = this.paths(id);
    const hostname = hostnameOf(this.#table, id);
    const isolation = this.#isolation(id);
    makeDirectory(paths);
    writeIdentityFiles(paths, hostname);
    const { volumes, directory, hidden } = this.#places;
    writeOwnerFiles(paths, isolation, { host, volumes, hidden: [directory, ...hidden] });
    const { domainname } = this.#table.require(id).spec;
    const own = isolation.uts === 'private';
    return { paths, hostname: own ? hostname : '', domainname: own ? domainname : '' };
  }

  /** Beside the containers' directories; empty on the host. */
  get #stage(): string {
    return `${this.#places.directory}.dev`;
  }

  #isolation(id: string): Isolation {
    return this.#table.require(id).spec.isolation ?? defaultIsolation;
  }

  #plan(isolation: Isolation, host: readonly HostMount[] = hostMounts()): NamespacePlan {
    return planNamespaces(isolation, host, { directory: this.#places.directory, stage: this.#stage });
  }

  /** Its network namespace becomes the container's sandbox. Undefined when that is another one: shared, or there before. */
  async #shimAsSandbox(id: string): Promise<Mounted | undefined> {
    if (resolveSandbox(this.#table, id) !== id) return undefined;
    const host = hostMounts();
    const prewarmed = await this.#prewarmed.take(this.#plan(this.#isolation(id), host));
    const made = prewarmed ? { shim: prewarmed, host } : await this.#fresh(id);
    const { pid } = made.shim;
    try {
      await this.#places.dataplane.ensureSandbox(id, pid);
      if (isSameFile(this.networkNamespace(id), `/proc/${pid}/ns/net`)) return made;
    } catch (error) {
      await made.shim.end();
      throw error;
    }
    await made.shim.end();
    return undefined;
  }

  /** Without a network namespace to enter it has one of its own. */
  #newShim(plan: NamespacePlan, network?: string): Namespaces {
    const shim = this.#places.shim ?? distFile('shim.cjs');
    const { patience = shimPatience } = this.#places;
    mkdirSync(this.#stage, { recursive: true, mode: 0o700 });
    return new Namespaces([process.execPath, shim], plan, { stage: this.#stage, patience }, network);
  }
}

/** In containers that go on it is covered, and what they have at /dev does not hang on it. */
function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // No container had a program.
  }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [statSync(one), statSync(other)];
  return a.dev === b.dev && a.ino === b.ino;
}
