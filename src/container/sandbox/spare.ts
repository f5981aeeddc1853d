import { readFileSync } from 'node:fs';
import type { Namespaces } from './namespaces.ts';

/** Milliseconds. It holds what is mounted on the host, and takes some 15 MB of memory. */
const idleFor = 60_000;

/**
 * Namespaces with a shim in them that are kept ready for the next container: making them and starting Node is
 * most of a start's time.
 */
export class Spare {
  readonly #start: () => Namespaces;
  #kept:
    | { readonly namespaces: Namespaces; readonly mounts: string; readonly timer: NodeJS.Timeout }
    | undefined;
  #closed = false;

  constructor(start: () => Namespaces) {
    this.#start = start;
  }

  /** New ones when none are ready. @throws internal when they could not be made */
  async take(): Promise<Namespaces> {
    const kept = this.#kept;
    this.#kept = undefined;
    clearTimeout(kept?.timer);
    // They have the host's mounts of when they were made.
    const fits = kept?.namespaces.alive && kept.mounts === hostMounts();
    if (kept && !fits) void kept.namespaces.end();
    const namespaces = kept && fits ? kept.namespaces : this.#start();
    await namespaces.ready;
    return namespaces;
  }

  /** Has one ready from soon on, for a while. */
  refill(): void {
    if (this.#closed || this.#kept?.namespaces.alive) return;
    clearTimeout(this.#kept?.timer);
    const mounts = hostMounts();
    const timer = setTimeout(() => void this.#drop(), idleFor);
    timer.unref();
    this.#kept = { namespaces: this.#start(), mounts, timer };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const kept = this.#kept;
    this.#kept = undefined;
    clearTimeout(kept?.timer);
    await kept?.namespaces.end();
  }
}

/** Without those of network namespaces, one of which comes with each container (proc_pid_mountinfo(5)). */
function hostMounts(): string {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => !line.includes(' - nsfs ')).join('\n');
}
