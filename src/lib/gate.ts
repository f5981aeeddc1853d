/**
 * Many operations at once, or one that needs stillness. Whoever waits for stillness holds back operations
 * that come later, so it is not starved.
 */
export class Gate {
  #running = 0;
  #closed: Promise<void> = Promise.resolve();
  #whenIdle: (() => void) | undefined;

  async shared<T>(operation: () => Promise<T>): Promise<T> {
    await this.#closed;
    this.#running += 1;
    try {
      return await operation();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#whenIdle?.();
    }
  }

  async alone<T>(operation: () => Promise<T>): Promise<T> {
    const previous = this.#closed;
    let open = () => {};
    this.#closed = previous.then(
      () =>
        new Promise<void>((resolve) => {
          open = resolve;
        }),
    );
    await previous;
    if (this.#running > 0) await this.#idle();
    try {
      return await operation();
    } finally {
      open();
    }
  }

  async #idle(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
    this.#whenIdle = undefined;
  }
}
