/** What a start throws that was told to stop: no failure. */
export class StartCut extends Error {
  constructor() {
    super('stopped before it was ready');
  }
}

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * SIGINT and SIGTERM, heard from when this is made. The first asks for an orderly end, of a start that is under way as
 * well; a second one ends the process at once, as if nobody had listened.
 */
export class StopRequest implements Disposable {
  readonly #controller = new AbortController();
  readonly #heard: Promise<void>;
  readonly #listener: NodeJS.SignalsListener;

  constructor() {
    let tell = () => {};
    this.#heard = new Promise((resolve) => {
      tell = resolve;
    });
    this.#listener = (name) => {
      if (this.#controller.signal.aborted) {
        this[Symbol.dispose]();
        process.kill(process.pid, name);
      }
      this.#controller.abort(new StartCut());
      tell();
    };
    for (const name of signals) process.on(name, this.#listener);
  }

  /** Aborted with a StartCut. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async heard(): Promise<void> {
    await this.#heard;
  }

  [Symbol.dispose](): void {
    for (const name of signals) process.off(name, this.#listener);
  }
}
