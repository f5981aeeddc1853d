import { performance } from 'node:perf_hooks';

/**
 * The time that records, leases and policies go by. The daemon has this host's; fairlead/testing has one that a test can
 * move. Limits on how long a peer may take to answer are no policy: they use the host's timers directly.
 */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Milliseconds since some moment; nobody who sets the host's clock moves it. */
  monotonic(): number;
  /** Runs `work` once, `milliseconds` from now. Keeps no process alive. */
  after(milliseconds: number, work: () => unknown): Timer;
  /** Runs `work` again and again, with `milliseconds` between. Keeps no process alive. */
  every(milliseconds: number, work: () => unknown): Timer;
}

export interface Timer {
  /** Repeatable. */
  cancel(): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(milliseconds, work) {
    const timer = setTimeout(work, milliseconds).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every(milliseconds, work) {
    const timer = setInterval(work, milliseconds).unref();
    return { cancel: () => clearInterval(timer) };
  },
};
