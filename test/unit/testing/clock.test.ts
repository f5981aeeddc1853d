import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { milliseconds } from '../../../src/testing/duration.ts';
import { MovableClock } from '../../../src/testing/node/movable-clock.ts';
import { until } from '../../rig/until.ts';

describe('a clock that can be moved', () => {
  it('does what falls due in its order, waits for it, and is then where it was sent', async () => {
    const clock = new MovableClock(Date.UTC(2030, 0, 1));
    const done: string[] = [];
    const note = (what: string) =>
      done.push(`${what} at ${new Date(clock.now()).toISOString().slice(11, 19)}`);
    clock.after(120_000, async () => {
      await Promise.resolve();
      note('second');
      clock.after(31_000, () => note('its own'));
    });
    clock.after(60_000, () => note('first'));
    const every = clock.every(50_000, () => note('every'));
    clock.after(10_000_000, () => note('never'));
    await clock.advance(155_000);
    every.cancel();
    expect(done).toEqual([
      'every at 00:00:50',
      'first at 00:01:00',
      'every at 00:01:40',
      'second at 00:02:00',
      'every at 00:02:30',
      'its own at 00:02:31',
    ]);
    expect(new Date(clock.now()).toISOString()).toMatch(/^2030-01-01T00:02:3[5-9]/);
    clock.close();
  });

  it('goes with the real time as well', async () => {
    const clock = new MovableClock();
    let rung = false;
    clock.after(20, () => {
      rung = true;
    });
    const cancelled = clock.after(1, () => expect.unreachable());
    cancelled.cancel();
    await until('the real time has come', () => rung);
    clock.close();
  });

  it('does not wait for ever for work that waits for a later timer', async () => {
    const clock = new MovableClock();
    let finished = false;
    clock.after(10, async () => {
      await new Promise<void>((resolve) => clock.after(1000, resolve));
      finished = true;
    });
    await clock.advance(2000);
    expect(finished).toBe(true);
    clock.close();
  });
});

it('reads durations, and says what it expects instead', () => {
  expect(['250ms', '10s', '1.5m', '2h', '1d', 7].map(milliseconds)).toEqual([
    250, 10_000, 90_000, 7_200_000, 86_400_000, 7,
  ]);
  for (const wrong of ['10', '', '-1s', '1 s', 'soon', -1, Number.NaN])
    expect(() => milliseconds(wrong)).toThrow(
      'expected milliseconds or a text such as 250ms, 10s, 10m, 2h, 1d',
    );
});

/** Where the time of records, leases and policies is told by: nobody there looks at the host's clock by himself. */
const clocked = ['src/network', 'src/cluster', 'src/apps', 'src/api/docker', 'src/container/simulated'];
/** Limits on how long somebody may take to answer, which no test wants moved; and the ways in which time is real. */
const real: Readonly<Record<string, string>> = {
  'src/network/plugin': 'an Engine has a clock of its own',
  'src/cluster/folders/watched-folder.ts': 'how long a writer waits for its own write',
  'src/cluster/retry.ts': 'how long a writer steps aside for another',
  'src/cluster/reseed/reseed.ts': 'between two tries to reach a store',
  'src/apps/deploy/readiness.ts': 'a program that starts takes real time',
  'src/apps/deploy/deploys.ts': 'so do clients that finish their requests',
  'src/container/simulated/exec.ts': 'what a program takes to start',
  'src/api/docker/streams/container-streams.ts': 'how long a client waits for its headers',
};

it('no use case looks at the clock of the host', () => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const files = clocked.flatMap((folder) => {
    try {
      return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
        (file) => `${folder}/${file}`,
      );
    } catch {
      return [];
    }
  });
  const looks = (file: string) =>
    /Date\.now\(|new Date\(\)|performance\.now\(|\bset(Timeout|Interval)\(|systemClock\.\w+\(/.test(
      readFileSync(join(root, file), 'utf8').replace(/^\s*(\/\*\*|\*|\/\/).*$/gm, ''),
    );
  const guilty = files.filter((file) => file.endsWith('.ts') && looks(file));
  const excused = (file: string) => Object.keys(real).find((path) => file.startsWith(path));
  expect(files.length).toBeGreaterThan(100);
  expect(guilty.filter((file) => !excused(file))).toEqual([]);
  expect(Object.keys(real).filter((path) => !guilty.some((file) => file.startsWith(path)))).toEqual([]);
});
