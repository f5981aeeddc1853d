/**
 * An async iterable fed by pushes: what a watch hands out. One consumer. Values pushed before they are
 * read wait in order; `close` ends the iteration after the waiting values, `fail` ends it with an error.
 */
export class Channel<T> implements AsyncIterableIterator<T> {
  readonly #values: T[] = [];
  readonly #onReturn: () => void;
  #waiting: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void } | undefined;
  #ended: { readonly error?: unknown } | undefined;

  constructor(onReturn: () => void = () => {}) {
    this.#onReturn = onReturn;
  }

  /** How many values wait to be read. */
  get backlog(): number {
    return this.#values.length;
  }

  push(value: T): void {
    if (this.#ended) return;
    if (this.#waiting) {
      const { resolve } = this.#waiting;
      this.#waiting = undefined;
      resolve({ value, done: false });
    } else {
      this.#values.push(value);
    }
  }

  /** Drops the waiting values, for a consumer that gets a fresh snapshot instead. */
  drop(): void {
    this.#values.length = 0;
  }

  close(): void {
    this.#end({});
  }

  fail(error: unknown): void {
    this.#end({ error });
  }

  next(): Promise<IteratorResult<T>> {
    const value = this.#values.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#ended) {
      return 'error' in this.#ended
        ? Promise.reject(this.#ended.error)
        : Promise.resolve({ value: undefined, done: true });
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<T>> {
    this.close();
    this.#values.length = 0;
    this.#onReturn();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(how: { readonly error?: unknown }): void {
    if (this.#ended) return;
    this.#ended = how;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) return;
    if ('error' in how) waiting.reject(how.error);
    else waiting.resolve({ value: undefined, done: true });
  }
}
