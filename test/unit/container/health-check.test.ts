import { describe, expect, it } from 'vitest';
import {
  afterCheck,
  noReport,
  pauseBefore,
  timeoutMessage,
} from '../../../src/container/health/health-check.ts';
import { Slots } from '../../../src/container/health/slots.ts';

const check = {
  ...{ command: ['x'], intervalMs: 30_000, timeoutMs: 1000, retries: 3 },
  ...{ startPeriodMs: 60_000, startIntervalMs: 5000 },
};
const result = (exitCode: number) => ({ exitCode, output: '', start: 0, end: 1 });
const failing = (health: 'starting' | 'healthy', failingStreak: number, ranFor: number) =>
  afterCheck(check, { health, report: { failingStreak, log: [] } }, result(1), ranFor);

/** The values of moby 28.5, daemon/health.go. */
describe('a health check', () => {
  it.each([
    ['does not count in the start period', failing('starting', 0, 59_999), 'starting', 0],
    ['counts after it', failing('starting', 0, 60_000), 'starting', 1],
    ['counts in it once there was a success', failing('healthy', 0, 1000), 'healthy', 1],
    ['makes unhealthy the third time', failing('healthy', 2, 100_000), 'unhealthy', 3],
  ] as const)('that fails %s', (_, { health, report }, status, streak) => {
    expect([health, report.failingStreak]).toEqual([status, streak]);
  });

  it('that succeeds makes healthy at once, and the last five are kept', () => {
    let state: ReturnType<typeof afterCheck> = { health: 'unhealthy', report: noReport };
    for (const exitCode of [1, 2, 3, 4, 5, 0]) state = afterCheck(check, state, result(exitCode), 0);
    expect(state.health).toBe('healthy');
    expect(state.report.failingStreak).toBe(0);
    expect(state.report.log.map(({ exitCode }) => exitCode)).toEqual([2, 3, 4, 5, 0]);
  });

  it('comes by the start interval while it starts', () => {
    expect(pauseBefore(check, 'starting', 0)).toBe(5000);
    expect(pauseBefore(check, 'healthy', 0)).toBe(30_000);
    expect(pauseBefore(check, 'starting', 60_000)).toBe(30_000);
  });

  it.each([
    [500, '500ms'],
    [1500, '1.5s'],
    [30_000, '30s'],
    [90_000, '1m30s'],
    [3_600_000, '1h0m0s'],
  ])('that takes longer than %i ms says so as Go does', (ms, text) => {
    expect(timeoutMessage(ms, '')).toBe(`Health check exceeded timeout (${text})`);
    expect(timeoutMessage(ms, 'out')).toBe(`Health check exceeded timeout (${text}): out`);
  });
});

it('slots let so many in at once, in order', async () => {
  const slots = new Slots(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3].map((n) =>
    slots.use(async () => {
      begun.push(n);
      await new Promise<void>((resolve) => ends.push(resolve));
    }),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  for (let n = 0; n < 4; n++) {
    ends[n]?.();
    await all[n];
    await Promise.resolve();
  }
  expect(begun).toEqual([0, 1, 2, 3]);
});
