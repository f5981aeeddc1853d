/**
 * An iterator that skips and changes what another yields. Unlike an async generator it hands `return()` on
 * at once, even while a `next()` waits: that is how a stream whose client left lets go of its source.
 */
export function mapIterator<T, U>(
  source: AsyncIterator<T>,
  /** Undefined: skipped. */
  change: (value: T) => U | undefined,
  onReturn: () => void = () => {},
): AsyncIterator<U> {
  return {
    async next() {
      for (;;) {
        const result = await source.next();
        if (result.done) return { done: true, value: undefined };
        const value = change(result.value);
        if (value !== undefined) return { done: false, value };
      }
    },
    async return() {
      onReturn();
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
}
