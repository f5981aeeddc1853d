import type { Endpoint, Network, Service } from '../cluster/records.ts';
import type { Networks } from './networks.ts';

/** Who holds an exclusive service now; a shared one always has room. */
export async function providerOf(
  networks: Networks,
  service: Service,
  network: Network,
): Promise<Endpoint | undefined> {
  if (service.shared) return undefined;
  return (await networks.endpoints(network.id)).find(({ id }) => id === service.endpointId);
}
