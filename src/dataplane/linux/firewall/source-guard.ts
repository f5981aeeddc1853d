import type { Survey } from '../../inspection.ts';
import type { HostEnd } from '../../links.ts';
import { tableName } from '../../names.ts';
import { output } from '../exec.ts';
import type { LinuxHost } from '../linux-host.ts';
import { changeRules, loadRules } from '../nft.ts';
import { firewallFaults } from './faults.ts';
import { removeSources, renderSources, type SourceSets, sourceChanges, sourceSets } from './source-rules.ts';

export interface SourceGuardOptions {
  readonly tag: string;
  /** As in FirewallOptions. */
  readonly trustFor: number;
}

/**
 * Holds each sandbox to its own addresses: a container that answers for a neighbour's gets its packets, and its
 * names of us, who know the asker by its address. An end is told before it carries anything (`admit`); all of them
 * together are told by who knows them (`apply`), which is how what a crash has left goes.
 */
export class SourceGuard {
  readonly #host: LinuxHost;
  readonly #options: SourceGuardOptions;
  readonly #ends = new Map<string, HostEnd>();
  /** Told one by one: in no value of all of them yet. */
  readonly #admitted = new Set<string>();
  /** Others' elements may be in the kernel: of an earlier process's ends, which this one does not know yet. */
  #partial = true;
  /** What of ours the kernel holds, when last we knew. */
  #held: SourceSets | undefined;
  #heldAt = 0;
  #running: Promise<void> = Promise.resolve();
  /** The one that has not begun: who asks meanwhile waits for the same. */
  #next: Promise<void> | undefined;

  constructor(host: LinuxHost, options: SourceGuardOptions) {
    this.#host = host;
    this.#options = options;
  }

  async admit(end: HostEnd): Promise<void> {
    this.#admitted.add(end.hostName);
    if (JSON.stringify(this.#ends.get(end.hostName)) === JSON.stringify(end) && this.#held) return;
    this.#ends.set(end.hostName, end);
    await this.#sync();
  }

  async forget(hostName: string): Promise<void> {
    this.#admitted.delete(hostName);
    if (this.#ends.delete(hostName)) await this.#sync();
  }

  /** `ends`: all that are there, unless `partial`; those admitted since they were counted stay as well. */
  async apply(ends: readonly HostEnd[], partial: boolean): Promise<void> {
    const known = new Set(ends.map(({ hostName }) => hostName));
    const gone = [...this.#ends.keys()].filter((name) => !known.has(name) && !this.#admitted.has(name));
    if (!partial) for (const name of gone) this.#ends.delete(name);
    for (const end of ends) this.#ends.set(end.hostName, end);
    if (this.#partial && !partial) this.#held = undefined;
    this.#partial = partial;
    await this.#sync();
  }

  /** After: nothing of it is in the kernel. */
  async clear(): Promise<void> {
    this.#ends.clear();
    this.#admitted.clear();
    await this.#running;
    this.#held = undefined;
    await loadRules(this.#host, removeSources(this.#options.tag));
  }

  get isUsed(): boolean {
    return this.#ends.size > 0;
  }

  async faults(): Promise<Survey['firewall']> {
    await this.#running;
    // Nothing was written yet, or it was taken away with the last network.
    if (!this.#held && !this.isUsed) return { missing: [], surplus: [] };
    const text = renderSources(this.#options.tag, this.#wanted());
    const { missing, surplus } = await firewallFaults(this.#host, 'bridge', this.#options.tag, text);
    const faults = { missing, surplus: this.#partial ? [] : surplus };
    if (faults.missing.length + faults.surplus.length > 0) this.#held = undefined;
    return faults;
  }

  #wanted(): SourceSets {
    return sourceSets([...this.#ends.values()]);
  }

  #sync(): Promise<void> {
    if (this.#next) return this.#next;
    const write = () => {
      this.#next = undefined;
      return this.#write();
    };
    this.#next = this.#running.then(write, write);
    this.#running = this.#next.catch(() => {});
    return this.#next;
  }

  async #write(): Promise<void> {
    const wanted = this.#wanted();
    const before = this.#held;
    this.#held = undefined;
    if (!(await this.#change(before, wanted))) {
      await loadRules(this.#host, renderSources(this.#options.tag, wanted));
    }
    this.#held = wanted;
    this.#heldAt = performance.now();
  }

  /** @returns false where all of it has to be written */
  async #change(before: SourceSets | undefined, after: SourceSets): Promise<boolean> {
    // Of an earlier process's table what is not known yet stays; one that is not trusted any more is written anew.
    if (!before && !this.#partial) return false;
    if (!(before && this.#isFresh()) && !(await this.#isThere())) return false;
    const commands = sourceChanges(this.#options.tag, before, after);
    return await changeRules(this.#host, commands);
  }

  #isFresh(): boolean {
    return performance.now() - this.#heldAt < this.#options.trustFor;
  }

  /** Others flush rule sets; see state.ts. */
  async #isThere(): Promise<boolean> {
    const tables = await output(this.#host, ['nft', 'list', 'tables', 'bridge']);
    return tables.split('\n').includes(`table bridge ${tableName(this.#options.tag)}`);
  }
}
