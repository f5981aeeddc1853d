import { expect, it } from 'vitest';
import { createRaceDaemon } from '../rig/race-daemon.ts';
import { endRounds, raceRound } from '../rig/race-host.ts';

/** `network rm` and `prune` beside starts, in the sandbox mode: nothing of a network that has gone may stay. */
it('leaves the kernel as the directory, after any interleaving', { timeout: 300_000 }, async () => {
  await using host = await createRaceDaemon();
  for (const seed of [1, 2, 3]) expect(await raceRound(host, seed), `after seed ${seed}`).toEqual([]);
  expect(await endRounds(host)).toEqual([]);
  expect(host.faults).toEqual([]);
});
