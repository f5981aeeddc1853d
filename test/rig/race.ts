import { parseArgs } from 'node:util';
import { createRaceDaemon } from './race-daemon.ts';
import { endRounds, type RaceHost, raceRound } from './race-host.ts';
import { createRaceModel } from './race-model.ts';

/** `npm run race -- --rounds 500 --seed 1 --mode sandbox`: the race of the tests, as long as one likes. Ends with 1 where something leaked. */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    mode: { type: 'string', default: 'simulated' },
  },
});
const rounds = Number(values.rounds);
const seed = Number(values.seed);
const modes: Readonly<Record<string, (seed: number) => Promise<RaceHost>>> = {
  simulated: createRaceModel,
  sandbox: createRaceDaemon,
};
const create = modes[values.mode];
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seed) || create === undefined) {
  console.error('usage: npm run race -- [--rounds 50] [--seed 1] [--mode simulated|sandbox]');
  process.exit(1);
}

/** A host of its own for every ten rounds, so that what the first of them did is taken down as well. */
const roundsOfHost = 10;
let done = 0;
let leaks = 0;
let faults = 0;
for (let first = seed; done < rounds; first += roundsOfHost) {
  await using host = await create(first);
  const tell = (what: string, found: readonly string[]) => {
    for (const one of found) console.log(`${what}: ${one}`);
    return found.length;
  };
  const last = Math.min(first + roundsOfHost, seed + rounds);
  for (let round = first; round < last; round += 1) {
    leaks += tell(`seed ${round}`, await raceRound(host, round));
    done += 1;
  }
  leaks += tell(`after seed ${last - 1}`, await endRounds(host));
  faults += tell(`seeds ${first} to ${last - 1}`, host.faults);
  console.log(`${done} rounds …`);
}
console.log(`${values.mode}: ${done} rounds, ${leaks} leaks, ${faults} answers of 5xx`);
process.exitCode = leaks + faults > 0 ? 1 : 0;
