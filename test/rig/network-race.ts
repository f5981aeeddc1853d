import { Random } from './random.ts';

/** What a client does to a few networks and containers that others change at the same time. */
export interface RaceCalls {
  createNetwork(network: string): Promise<unknown>;
  removeNetwork(network: string): Promise<unknown>;
  pruneNetworks(): Promise<unknown>;
  createContainer(name: string, network: string): Promise<unknown>;
  removeContainer(name: string): Promise<unknown>;
  start(name: string): Promise<unknown>;
  stop(name: string): Promise<unknown>;
  connect(network: string, name: string): Promise<unknown>;
  disconnect(network: string, name: string): Promise<unknown>;
}

const networks = ['race1', 'race2', 'race3'] as const;
const containers = ['rc1', 'rc2', 'rc3', 'rc4'] as const;

/** Eight clients side by side, each with choices of its own seed. `calls` reject where that is wrong. */
export async function race(calls: RaceCalls, seed: number, rounds: number): Promise<void> {
  const client = async (number: number) => {
    const random = new Random(seed * 100 + number);
    for (let round = 0; round < rounds; round += 1) await step(calls, random);
  };
  await Promise.all(Array.from({ length: 8 }, (_, number) => client(number)));
}

async function step(calls: RaceCalls, random: Random): Promise<void> {
  const network = random.pick(networks);
  const name = random.pick(containers);
  const steps = [
    () => calls.createNetwork(network),
    () => calls.createContainer(name, network),
    () => calls.connect(network, name),
    () => calls.start(name),
    () => calls.start(name),
    () => calls.stop(name),
    () => calls.disconnect(network, name),
    () => calls.removeContainer(name),
    () => calls.removeNetwork(network),
    () => calls.removeNetwork(network),
    () => calls.pruneNetworks(),
  ] as const;
  await random.pick(steps)();
}

/** After the race: nothing is left but what was there before it. */
export async function endRace(calls: RaceCalls): Promise<void> {
  for (const name of containers) await calls.removeContainer(name);
  for (const network of networks) await calls.removeNetwork(network);
}
