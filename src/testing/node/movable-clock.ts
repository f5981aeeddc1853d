import { setImmediate } from 'node:timers/promises';
import type { Clock, Timer } from '../../lib/clock.ts';
import { withTimeout } from '../../lib/with-timeout.ts';

interface Entry {
  due: number;
  readonly work: () => unknown;
  /** Absent: once. */
  readonly everyMs?: number;
}

/** How long `advance` waits for what one timer began, in real milliseconds: it may itself wait for a later timer. */
const patienceMs = 1000;
/** Turns of the event loop until watches have reported what a timer has changed; in memory all but the first are spare. */
const settlingTurns = 3;

/** The real time plus what it was moved ahead. Timers fall due in real time as well. */
export class MovableClock implements Clock {
  readonly #entries = new Set<Entry>();
  #aheadMs = 0;
  /** Unix time where the monotonic one is 0. */
  readonly #epochMs: number;
  #alarm: NodeJS.Timeout | undefined;

  constructor(begin = Date.now()) {
    this.#epochMs = begin - performance.now();
  }

  now(): number {
    // Both tell the same time: what is due has come by either.
    return Math.round(this.#epochMs + this.monotonic());
  }

  monotonic(): number {
    return performance.now() + this.#aheadMs;
  }

  after(milliseconds: number, work: () => unknown): Timer {
    return this.#add({ due: this.monotonic() + milliseconds, work });
  }

  every(milliseconds: number, work: () => unknown): Timer {
    return this.#add({ due: this.monotonic() + milliseconds, work, everyMs: milliseconds });
  }

  async advance(milliseconds: number): Promise<void> {
    const target = this.monotonic() + milliseconds;
    await settled();
    for (let next = this.#next(); next && next.due <= target; next = this.#next()) {
      this.#aheadMs += Math.max(0, next.due - this.monotonic());
      await withTimeout(this.#run(next), patienceMs);
      await settled();
    }
    this.#aheadMs += Math.max(0, target - this.monotonic());
    this.#setAlarm();
    await settled();
  }

  close(): void {
    clearTimeout(this.#alarm);
    this.#entries.clear();
  }

  #add(entry: Entry): Timer {
    this.#entries.add(entry);
    this.#setAlarm();
    return { cancel: () => this.#entries.delete(entry) };
  }

  #next(): Entry | undefined {
    let next: Entry | undefined;
    for (const entry of this.#entries) if (!next || entry.due < next.due) next = entry;
    return next;
  }

  async #run(entry: Entry): Promise<void> {
    if (entry.everyMs === undefined) this.#entries.delete(entry);
    else entry.due += Math.max(1, entry.everyMs);
    await entry.work();
  }

  /** One real timer, for what falls due first. One that was cancelled meanwhile rings for nothing. */
  #setAlarm(): void {
    clearTimeout(this.#alarm);
    const next = this.#next();
    if (!next) return;
    const wait = Math.min(Math.max(0, next.due - this.monotonic()), 2 ** 31 - 1);
    this.#alarm = setTimeout(() => this.#ring(), wait).unref();
  }

  #ring(): void {
    const now = this.monotonic();
    for (const entry of [...this.#entries].filter(({ due }) => due <= now).sort((a, b) => a.due - b.due)) {
      if (this.#entries.has(entry)) void this.#run(entry);
    }
    this.#setAlarm();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < settlingTurns; turn += 1) await setImmediate();
}
