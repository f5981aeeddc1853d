/** Yields what any of the sources yields, as it comes, until all have ended; one that fails ends it. */
export function mergeIterators<T>(sources: readonly AsyncIterator<T>[]): AsyncIterator<T> {
  const waiting = new Map<AsyncIterator<T>, Promise<Turn<T>>>();
  const ask = (source: AsyncIterator<T>) => {
    const turn = source.next().then((result) => ({ source, result }));
    // A rejection is handled when its turn comes; until then it must not count as unhandled.
    turn.catch(() => {});
    waiting.set(source, turn);
  };
  for (const source of sources) ask(source);
  return {
    async next() {
      while (waiting.size > 0) {
        const { source, result } = await Promise.race(waiting.values());
        if (result.done) waiting.delete(source);
        else {
          ask(source);
          return { done: false, value: result.value };
        }
      }
      return { done: true, value: undefined };
    },
    async return() {
      await Promise.allSettled(sources.map((source) => source.return?.()));
      return { done: true, value: undefined };
    },
  };
}

interface Turn<T> {
  readonly source: AsyncIterator<T>;
  readonly result: IteratorResult<T>;
}
