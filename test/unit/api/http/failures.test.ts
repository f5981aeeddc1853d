import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { Failures } from '../../../../src/api/http/failures.ts';

function failuresOf(isDegraded: () => boolean) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(z.object({ msg: z.string() }).parse(JSON.parse(line)).msg);
  return { failures: new Failures(pino({ base: null }, { write }), isDegraded), lines };
}

describe('answers that are no fault of the client', () => {
  afterEach(() => vi.useRealTimers());

  it('are counted, and said once a minute each, with how often they came since', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { failures, lines } = failuresOf(() => false);
    for (let i = 0; i < 1000; i += 1) failures.note(500, 'GET /a', new Error('disk full'));
    failures.note(503, 'GET /b', new Error('no lease'));
    expect(lines).toEqual(['GET /a: disk full', 'GET /b: no lease']);
    vi.advanceTimersByTime(61_000);
    failures.note(500, 'POST /c', new Error('disk full'));
    failures.note(503, 'GET /b', new Error('no lease'));
    expect(lines.slice(2)).toEqual([
      'POST /c: disk full (repeated 999 times since it was last logged)',
      'GET /b: no lease',
    ]);
    expect([...failures.counts]).toEqual([
      [500, 1001],
      [503, 2],
    ]);
  });

  it('are not said while a store is away, whose loss is said elsewhere; a fault of ours is', () => {
    const { failures, lines } = failuresOf(() => true);
    for (let i = 0; i < 1000; i += 1)
      failures.note(503, 'GET /a', new Error(`kv store is unreachable: try ${i}`));
    failures.note(500, 'GET /a', new Error('a bug'));
    expect(lines).toEqual(['GET /a: a bug']);
    expect(failures.count(503)).toBe(1000);
  });

  it('are forgotten in the end: a thousand different ones take no memory for ever', () => {
    const { failures, lines } = failuresOf(() => false);
    for (let i = 0; i < 1000; i += 1) failures.note(500, 'GET /a', new Error(`bug ${i}`));
    failures.note(500, 'GET /a', new Error('bug 999'));
    failures.note(500, 'GET /a', new Error('bug 0'));
    expect(lines.length).toBe(1001);
  });
});
