import type { ProcessStreams } from '../../../container/runtime.ts';

/** The terminals that clients look at, by the id of their container or exec, so that a resize finds them. */
export class Terminals {
  readonly #open = new Map<string, Set<ProcessStreams>>();

  add(id: string, streams: ProcessStreams): void {
    this.#open.set(id, (this.#open.get(id) ?? new Set()).add(streams));
  }

  remove(id: string, streams: ProcessStreams): void {
    const open = this.#open.get(id);
    open?.delete(streams);
    if (open?.size === 0) this.#open.delete(id);
  }

  resize(id: string, columns: number, rows: number): void {
    for (const streams of this.#open.get(id) ?? []) streams.resize(columns, rows);
  }
}
