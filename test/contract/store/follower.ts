import assert from 'node:assert/strict';
import type { Store, WatchEvent } from '../../../kvstore/store.ts';
import { eventually } from './rig.ts';

/** Reads a watch as a user of it would: replaces its state on a snapshot, applies changes. */
export class Follower {
  readonly events: WatchEvent[] = [];
  readonly state = new Map<string, string>();
  /** The state after each event. */
  readonly history: ReadonlyMap<string, string>[] = [];
  readonly watch: AsyncIterableIterator<WatchEvent>;
  ended = false;
  error: unknown;

  constructor(store: Store, prefix: string) {
    this.watch = store.watch(prefix);
    this.#read();
  }

  /** Waits until the state is exactly this. */
  async sees(expected: Readonly<Record<string, string>>, milliseconds = 5000): Promise<void> {
    const target = JSON.stringify(Object.entries(expected).sort());
    const state = () => JSON.stringify([...this.state].sort());
    const isThere = () => this.events.length > 0 && state() === target;
    await eventually(`watch shows ${target.slice(0, 300)}`, isThere, milliseconds).catch((error) => {
      assert.fail(`${error.message}, not ${state().slice(0, 300)}`);
    });
  }

  async hasEnded(): Promise<void> {
    await eventually('watch ends', () => this.ended);
    assert.equal(this.error, undefined);
  }

  async #read(): Promise<void> {
    try {
      for await (const event of this.watch) this.#apply(event);
    } catch (error) {
      this.error = error;
    }
    this.ended = true;
  }

  #apply(event: WatchEvent): void {
    this.events.push(event);
    if (event.type === 'snapshot') {
      this.state.clear();
      for (const { key, value } of event.entries) this.state.set(key, value);
    } else {
      for (const change of event.changes) {
        if (change.op === 'put') this.state.set(change.entry.key, change.entry.value);
        else this.state.delete(change.key);
      }
    }
    this.history.push(new Map(this.state));
  }
}
