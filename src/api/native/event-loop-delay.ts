import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Milliseconds between two looks: ten wake-ups a second cost nothing. */
const resolution = 100;
const windowMs = 60_000;

export interface Delays {
  /** Seconds. */
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * How late this process's event loop came to what was due, over the last one to two minutes: names are answered
 * by the same loop, so a longest delay of seconds is a DNS outage of seconds. Returns the reader and what stops it.
 */
export function watchEventLoop(): { readonly delays: () => Delays; readonly stop: () => void } {
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  // What Node records is the time from one look to the next.
  const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution) / 1000;
  const read = (): Delays => ({
    median: seconds(histogram.percentile(50)),
    p99: seconds(histogram.percentile(99)),
    max: seconds(histogram.max),
  });
  let last: Delays = { median: 0, p99: 0, max: 0 };
  const timer = setInterval(() => {
    last = read();
    histogram.reset();
  }, windowMs);
  timer.unref();
  return {
    delays() {
      const now = read();
      return {
        median: Math.max(last.median, now.median),
        p99: Math.max(last.p99, now.p99),
        max: Math.max(last.max, now.max),
      };
    },
    stop() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}
