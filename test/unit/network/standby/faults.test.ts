import { expect, it, vi } from 'vitest';
import { NodeLease } from '../../../../src/cluster/node-lease.ts';
import { standbyFaults } from '../../../rig/standby-faults.ts';

/** More of them: `npm run takeover -- --faults 1000`. */
it.each([1, 2, 3])('one container has the service, whatever fails, seed %i', async (seed) => {
  const { faults, takeovers, violations } = await standbyFaults(seed, 40);
  expect(violations).toEqual([]);
  expect(faults).toBeGreaterThanOrEqual(40);
  expect(takeovers).toBeGreaterThan(3);
});

it('is told when a node that has lost its lease does not let go', async () => {
  const onDoubt = vi.spyOn(NodeLease.prototype, 'onDoubt').mockImplementation(() => {});
  try {
    const all: string[] = [];
    for (let seed = 1; seed <= 8 && all.length === 0; seed += 1)
      all.push(...(await standbyFaults(seed, 40)).violations);
    expect(all.join('\n')).toMatch(/at once: on-node\d and on-node\d/);
  } finally {
    onDoubt.mockRestore();
  }
});
