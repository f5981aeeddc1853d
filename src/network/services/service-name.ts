import type { Network } from '../../cluster/records.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Networks } from '../networks/networks.ts';

export interface ServiceName {
  readonly service: string;
  readonly network: Network;
}

/**
 * Parses `SERVICE[.NETWORK]`. Service names may contain dots: of `a.b.c` the network is the longest suffix
 * that names one, else what follows the last dot. No dot, or nothing after it: the default network.
 * @throws not-found when there is no such network; invalid when the service's part is empty
 */
export function parseServiceName(text: string, networks: Networks): ServiceName {
  for (let dot = text.indexOf('.'); dot >= 0; dot = text.indexOf('.', dot + 1)) {
    const network = networks.named(text.slice(dot + 1));
    if (network) return named(text.slice(0, dot), network);
  }
  const last = text.lastIndexOf('.');
  if (last < 0) return named(text, networks.defaultNetwork());
  const suffix = text.slice(last + 1);
  return named(
    text.slice(0, last),
    suffix === '' ? networks.defaultNetwork() : findNetwork(suffix, networks),
  );
}

function findNetwork(ref: string, networks: Networks): Network {
  try {
    return networks.find(ref);
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'not-found') {
      throw new FairleadError('not-found', `Network ${ref} does not exist`, { cause: error });
    }
    throw error;
  }
}

function named(service: string, network: Network): ServiceName {
  if (service.trim() === '') {
    throw new FairleadError('invalid', 'invalid name: the service name is empty; expected SERVICE[.NETWORK]');
  }
  return { service, network };
}
