import type { Network } from '../../cluster/records.ts';
import { FairleadError, isKind } from '../../lib/errors.ts';
import type { Networks } from '../../network/model.ts';
import { computedValue, networksIn } from '../properties.ts';
import type { App, Properties } from '../records.ts';

/** The networks of an app's containers, by the phase in which they come. */
export interface Placement {
  /** Empty: the daemon's default network. */
  readonly initial: string;
  readonly postCreate: readonly string[];
  readonly postDeploy: readonly string[];
  readonly tld: string;
  readonly bindAllInterfaces: boolean;
}

export function placementOf({ properties }: App, global: Properties): Placement {
  const initial = computedValue(properties, global, 'initial-network');
  const postCreate = networksIn(computedValue(properties, global, 'attach-post-create'));
  const postDeploy = networksIn(computedValue(properties, global, 'attach-post-deploy'));
  // The app's and the global word together may name one network twice: the earlier phase has it.
  const earlier = [initial, ...postCreate];
  return {
    initial,
    postCreate: postCreate.filter((name) => name !== initial),
    postDeploy: postDeploy.filter((name) => !earlier.includes(name)),
    tld: computedValue(properties, global, 'tld'),
    bindAllInterfaces: computedValue(properties, global, 'bind-all-interfaces') === 'true',
  };
}

/**
 * Before anything is made: a deploy that must fail should not begin.
 * @throws not-found, naming the network
 */
export function requireNetworks(networks: Networks, { initial, postCreate, postDeploy }: Placement): void {
  // `container:NAME` and the predefined modes are no networks to be found.
  const first = initial === '' || initial.startsWith('container:') ? [] : [initial];
  for (const name of [...first, ...postCreate, ...postDeploy]) findNetwork(networks, name);
}

/** @throws not-found, in Dokku's words */
export function findNetwork(networks: Networks, name: string): Network {
  try {
    return networks.find(name);
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
    throw new FairleadError('not-found', `Network ${name} does not exist`, { cause: error });
  }
}

/** The default bridge has no aliases, as the Engine's has none; host and none have no names at all. */
export function takesAliases({ name, driver }: Network): boolean {
  return name !== 'bridge' && driver !== 'host' && driver !== 'null';
}

/** Attachments hold the network's requested name until they are joined, and its id from then on. */
export function isCalled({ id, name }: Network, ref: string): boolean {
  return ref === id || ref === name;
}
