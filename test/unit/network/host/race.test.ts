import { describe, expect, it } from 'vitest';
import { endRounds, raceRound } from '../../../rig/race-host.ts';
import { createRaceModel } from '../../../rig/race-model.ts';

const seeds = Array.from({ length: 12 }, (_, i) => i + 1);

/** As many as one likes: `npm run race`. */
describe.concurrent('create, connect, start, stop, rm and prune by eight clients', () => {
  it.each(seeds)('leave the host as the directory has it, seed %i', async (seed) => {
    await using host = await createRaceModel(seed);
    for (let times = 0; times < 3; times += 1) expect(await raceRound(host, seed * 10 + times)).toEqual([]);
    expect(await endRounds(host)).toEqual([]);
    expect(host.faults).toEqual([]);
  });
});
