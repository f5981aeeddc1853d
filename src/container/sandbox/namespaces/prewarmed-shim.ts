import { isDeepStrictEqual } from 'node:util';
import { identityOf, isAlive } from '../process-identity.ts';
import { mountTable } from './host-mounts.ts';
import type { NamespacePlan } from './namespace-plan.ts';
import type { Namespaces } from './namespaces.ts';

/** Milliseconds. It holds what is mounted on the host, and takes some 15 MB of memory. */
const idleFor = 60_000;

/**
 * Namespaces with a shim in them that are kept ready for the next container: making them and starting Node is
 * most of a start's time.
 */
export class PrewarmedShim {
  readonly #start: (plan: NamespacePlan) => Namespaces;
  #kept:
    | { readonly namespaces: Namespaces; readonly mounts: string; readonly timer: NodeJS.Timeout }
    | undefined;
  #closed = false;

  constructor(start: (plan: NamespacePlan) => Namespaces) {
    this.#start = start;
  }

  /** Undefined when there are none of that plan, or somebody has killed them, maybe before they were ready. */
  async take(plan: NamespacePlan): Promise<Namespaces | undefined> {
    const kept = this.#takeKept(plan);
    return kept && (await isReady(kept)) ? kept : undefined;
  }

  /** Has one ready from soon on, for a while. */
  refill(plan: NamespacePlan): void {
    if (this.#closed || this.#kept?.namespaces.alive) return;
    clearTimeout(this.#kept?.timer);
    const mounts = mountTable();
    const timer = setTimeout(() => void this.#drop(), idleFor);
    timer.unref();
    this.#kept = { namespaces: this.#start(plan), mounts, timer };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#drop();
  }

  #takeKept(plan: NamespacePlan): Namespaces | undefined {
    const kept = this.#kept;
    // It stays for the next container that is like most.
    if (!kept || !isDeepStrictEqual(kept.namespaces.plan, plan)) return undefined;
    this.#kept = undefined;
    clearTimeout(kept.timer);
    // They have the host's mounts of when they were made.
    if (kept.namespaces.alive && kept.mounts === mountTable()) return kept.namespaces;
    void kept.namespaces.end();
    return undefined;
  }

  async #drop(): Promise<void> {
    const kept = this.#kept;
    this.#kept = undefined;
    clearTimeout(kept?.timer);
    await kept?.namespaces.end();
  }
}

/** By the kernel's word: Node hears of an end a moment later. */
async function isReady({ ready, pid }: Namespaces): Promise<boolean> {
  const identity = pid === undefined ? undefined : identityOf(pid);
  return await ready.then(
    () => identity !== undefined && isAlive(identity),
    () => false,
  );
}
