import type { Random } from './random.ts';

const networks = ['g0', 'g1', 'g2'] as const;
const services = ['s0', 's1', 's2'] as const;

/** The names of the containers that a node's clients act on. */
export function containersOf(node: string) {
  return [`${node}-c0`, `${node}-c1`, `${node}-c2`, `${node}-c3`] as const;
}

/** Method, path and body of a call that any client might make, sensible now or not. */
export function chooseCall(node: string, random: Random): readonly [string, string, unknown?] {
  const container = random.pick(containersOf(node));
  const network = random.pick(networks);
  const local = `local${random.below(2)}`;
  const service = `/v1.23/services/${random.pick(services)}.${network}`;
  return random.pick<readonly [string, string, unknown?]>([
    ['POST', '/networks/create', { Name: network, Driver: 'overlay' }],
    ['DELETE', `/networks/${network}`],
    ['POST', '/v1.23/services', { name: random.pick(services), network_name: network }],
    ['DELETE', `${service}?force=1`],
    ['POST', `${service}/backend`, { container_id: container }],
    ['POST', `${service}/backend`, { container_id: container }],
    ['DELETE', `${service}/backend/${container}`],
    ['POST', `/networks/${network}/connect`, { Container: container }],
    ['POST', `/networks/${network}/disconnect`, { Container: container }],
    ['POST', `/containers/${container}/stop`],
    ['POST', `/containers/${container}/start`],
    ['POST', '/networks/create', { Name: local, Driver: 'bridge' }],
    ['DELETE', `/networks/${local}`],
  ]);
}
