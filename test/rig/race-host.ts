import { endRace, type RaceCalls, race } from './network-race.ts';

/** Where a race is run. */
export interface RaceHost extends AsyncDisposable {
  readonly calls: RaceCalls;
  /** What was neither done nor refused, in words: a 5xx. */
  readonly faults: readonly string[];
  /** Brings kernel and records in line, as the minute's look does; then in words each thing that only one of them has. */
  leaks(): Promise<readonly string[]>;
  /** When every network and container is removed: in words what is there nevertheless. */
  leftovers(): Promise<readonly string[]>;
}

/** One round: eight clients do twelve things each. Resolves with what has leaked. */
export async function raceRound(host: RaceHost, seed: number): Promise<readonly string[]> {
  await race(host.calls, seed, 12);
  return await host.leaks();
}

/** Removes what the rounds have left. Resolves with what has leaked. */
export async function endRounds(host: RaceHost): Promise<readonly string[]> {
  await endRace(host.calls);
  return [...(await host.leaks()), ...(await host.leftovers())];
}

/** `a` without `b`, each with `what` before it. */
export function without(a: Iterable<string>, b: Iterable<string>, what: string): readonly string[] {
  const known = new Set(b);
  return [...a].filter((one) => !known.has(one)).map((one) => `${what} ${one}`);
}
