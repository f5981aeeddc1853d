import type { Entry } from '../store.ts';

export interface LeaseRow {
  readonly id: string;
  readonly ttlSeconds: number;
}

/** What one transaction changes; `version` is the last one that it gave. */
export interface Batch {
  readonly version: number;
  readonly puts: readonly Entry[];
  readonly deletes: readonly string[];
  readonly leases: readonly LeaseRow[];
  readonly endedLeases: readonly string[];
}

/** Entries and leases in memory. Entries are never changed, so a list of them is a consistent moment. */
export class Rows {
  readonly #entries = new Map<string, Entry>();
  readonly #leases = new Map<string, LeaseRow>();
  /** All keys in order; undefined: to be sorted at the next look. */
  #keys: string[] | undefined;
  #version = 0;
  #bytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  get version(): number {
    return this.#version;
  }

  /** About what all entries take on the disk. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  all(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  /** Sorted by key. */
  list(prefix: string): readonly Entry[] {
    this.#keys ??= [...this.#entries.keys()].sort();
    const found: Entry[] = [];
    for (let at = placeOf(prefix, this.#keys); at < this.#keys.length; at += 1) {
      const key = this.#keys[at];
      const entry = key === undefined || !key.startsWith(prefix) ? undefined : this.#entries.get(key);
      if (!entry) break;
      found.push(entry);
    }
    return found;
  }

  leases(): readonly LeaseRow[] {
    return [...this.#leases.values()];
  }

  lease(id: string): LeaseRow | undefined {
    return this.#leases.get(id);
  }

  keysOn(lease: string): readonly string[] {
    return this.all().flatMap((entry) => (entry.lease === lease ? [entry.key] : []));
  }

  apply({ version, puts, deletes, leases, endedLeases }: Batch): void {
    this.#version = Math.max(this.#version, version);
    for (const key of deletes) this.#delete(key);
    for (const entry of puts) this.#put(entry);
    for (const lease of leases) this.#leases.set(lease.id, lease);
    for (const id of endedLeases) this.#leases.delete(id);
  }

  #put(entry: Entry): void {
    const old = this.#entries.get(entry.key);
    if (!old) this.#keys?.splice(placeOf(entry.key, this.#keys), 0, entry.key);
    this.#entries.set(entry.key, entry);
    this.#bytes += bytesOf(entry) - (old ? bytesOf(old) : 0);
  }

  #delete(key: string): void {
    const old = this.#entries.get(key);
    if (!old) return;
    this.#entries.delete(key);
    this.#keys?.splice(placeOf(key, this.#keys), 1);
    this.#bytes -= bytesOf(old);
  }
}

export function bytesOf({ key, value, version, lease = '' }: Entry): number {
  return key.length + value.length + version.length + lease.length;
}

/** Where the text is in the sorted list, or would be. */
function placeOf(text: string, sorted: readonly string[]): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
