import { type Entry, encodeKeyPart } from '../store.ts';
import type { Node, ZooKeeperClient } from './client.ts';

/** Where things are: below one node for all of Fairlead. */
export class ZooKeeperTree {
  readonly root: string;
  readonly #client: ZooKeeperClient;

  /** `prefix` as of StoreSpec, with a final slash. */
  constructor(client: ZooKeeperClient, prefix: string) {
    this.#client = client;
    this.root = `/${prefix.slice(0, -1)}`;
  }

  get log(): string {
    return `${this.root}/commits`;
  }

  /** What the commit of this number has changed. So many digits, so that names sort. */
  commit(version: number): string {
    return `${this.log}/${String(version).padStart(10, '0')}`;
  }

  get sessions(): string {
    return `${this.root}/sessions`;
  }

  get leases(): string {
    return `${this.root}/leases`;
  }

  get folders(): readonly string[] {
    return [this.log, this.sessions, this.leases, `${this.root}/data`];
  }

  data(key: string): string {
    return `${this.root}/data/${key}`;
  }

  session(lease: string): string {
    return `${this.sessions}/${lease}`;
  }

  lease(lease: string): string {
    return `${this.leases}/${lease}`;
  }

  /** Says that the key is on the lease, so that the lease's end need not search. */
  held(lease: string, key: string): string {
    return `${this.lease(lease)}/${encodeKeyPart(key)}`;
  }

  async entry(key: string): Promise<Entry | undefined> {
    return toEntry(key, await this.#client.get(this.data(key)));
  }

  /** Adds every leaf below the folder. Not one moment: see ZooKeeperBackend. */
  async walk(folder: string, entries: Map<string, Entry>): Promise<void> {
    const names = await this.#client.children(this.data(folder.slice(0, -1)));
    await Promise.all(names.map((name) => this.#visit(folder + name, entries)));
  }

  async heldBy(lease: string): Promise<string[]> {
    return (await this.#client.children(this.lease(lease))).map(decodeURIComponent);
  }

  async #visit(key: string, entries: Map<string, Entry>): Promise<void> {
    const node = await this.#client.get(this.data(key));
    const entry = toEntry(key, node);
    if (entry) entries.set(key, entry);
    if (node && node.stat.children > 0) await this.walk(`${key}/`, entries);
  }
}

export function rowData(value: string, lease: string | undefined): Buffer {
  return Buffer.from(`${lease ?? ''}\n${value}`);
}

/** A folder's node is empty. A leaf holds the id of the lease that it is on, or nothing, a line break, and the value. */
function toEntry(key: string, node: Node | undefined): Entry | undefined {
  if (!node || node.data.length === 0) return undefined;
  const text = node.data.toString('utf8');
  const end = text.indexOf('\n');
  const entry = { key, value: text.slice(end + 1), version: String(node.stat.modified) };
  return end === 0 ? entry : { ...entry, lease: text.slice(0, end) };
}
