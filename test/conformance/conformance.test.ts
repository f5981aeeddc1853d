import { expect, it } from 'vitest';
import { runConformance } from './run.ts';

it('answers as a Docker Engine does, but for what docs/compatibility.md lists', {
  timeout: 300_000,
}, async () => {
  const { calls, unexplained, idle } = await runConformance();
  expect(calls).toBeGreaterThanOrEqual(200);
  expect(unexplained).toEqual([]);
  expect(idle).toEqual([]);
});
