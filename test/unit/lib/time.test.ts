import { describe, expect, it } from 'vitest';
import { rfc3339Nano, timestamp } from '../../../src/lib/time.ts';

describe('a time in JSON of Go', () => {
  it.each([
    ['2026-01-01T00:00:10.000000000Z', '2026-01-01T00:00:10Z'],
    ['2026-01-01T00:00:10.120000000Z', '2026-01-01T00:00:10.12Z'],
    ['2026-01-01T00:00:10.120000001+02:00', '2026-01-01T00:00:10.120000001+02:00'],
    ['2026-01-01T00:00:10Z', '2026-01-01T00:00:10Z'],
    [timestamp(1500), '1970-01-01T00:00:01.5Z'],
  ])('%s is %s', (text, written) => {
    expect(rfc3339Nano(text)).toBe(written);
  });
});
