import type { Argv } from '../exec.ts';
import { BatchProcess, type Dialect } from './batch-process.ts';

export interface PoolOptions {
  readonly argv: Argv;
  readonly dialect: Dialect;
  /** So many at once; who comes then waits. */
  readonly most: number;
  /** So many stay however long nothing is asked of them. */
  readonly least: number;
}

/** Milliseconds after which a process that nobody needed ends. */
const idleFor = 10_000;

/** Kept processes that are as good as each other. */
export class SessionPool {
  readonly #options: PoolOptions;
  readonly #idle = new Map<BatchProcess, NodeJS.Timeout>();
  readonly #all = new Set<BatchProcess>();
  readonly #waiting: (() => void)[] = [];

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Of them, those that nothing is asked of. */
  get isIdle(): boolean {
    return this.#idle.size === this.#all.size && this.#waiting.length === 0;
  }

  /** Of one of them that has answered. */
  get pid(): number | undefined {
    return [...this.#all].find(({ pid }) => pid !== undefined)?.pid;
  }

  /** Has one ready, so that who comes next need not wait for its start. */
  warmUp(): void {
    if (this.#all.size === 0) this.giveBack(this.#start());
  }

  /** After: all have ended, each with what it was asked before done. */
  async end(): Promise<void> {
    await Promise.all([...this.#all].map((process) => this.discard(process)));
  }

  /** Lends one: to be given back, or discarded when what it remembers may be wrong. */
  async take(): Promise<BatchProcess> {
    for (;;) {
      for (const [process, timer] of this.#idle) {
        clearTimeout(timer);
        this.#idle.delete(process);
        if (!process.ended) return process;
        this.#all.delete(process);
      }
      if (this.#all.size < this.#options.most) return this.#start();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  giveBack(process: BatchProcess): void {
    if (!this.#all.has(process)) return;
    const timer = setTimeout(() => this.#retire(process), idleFor);
    timer.unref();
    this.#idle.set(process, timer);
    this.#waiting.shift()?.();
  }

  async discard(process: BatchProcess): Promise<void> {
    clearTimeout(this.#idle.get(process));
    this.#idle.delete(process);
    this.#all.delete(process);
    this.#waiting.shift()?.();
    await process.end();
  }

  #start(): BatchProcess {
    const process = new BatchProcess(this.#options.argv, this.#options.dialect);
    this.#all.add(process);
    return process;
  }

  #retire(process: BatchProcess): void {
    if (this.#all.size > this.#options.least) void this.discard(process);
  }
}
