import * as z from 'zod/mini';
import type { Client } from '../../client/client.ts';

const subnet = z.object({
  subnet: z.string(),
  inUse: z.optional(z.number()),
  available: z.optional(z.number()),
});

const node = z.object({
  id: z.string(),
  name: z.string(),
  advertise: z.optional(z.string()),
  version: z._default(z.string(), ''),
  state: z.string(),
  lastSeen: z.optional(z.string()),
  self: z._default(z.boolean(), false),
});

const network = z.object({
  id: z.string(),
  name: z.string(),
  driver: z.string(),
  internal: z._default(z.boolean(), false),
  subnets: z._default(z.array(subnet), []),
  endpoints: z.string(),
});

const service = z.object({
  id: z.string(),
  name: z.string(),
  network: z.string(),
  kind: z.string(),
  ipv4: z.optional(z.string()),
  ipv6: z.optional(z.string()),
  providers: z._default(z.array(z.string()), []),
});

const endpoint = z.object({
  id: z.string(),
  name: z.string(),
  network: z.string(),
  node: z.string(),
  nodeName: z.string(),
  container: z.string(),
  containerName: z.string(),
  service: z.optional(z.string()),
  ipv4: z.optional(z.string()),
  ipv6: z.optional(z.string()),
  healthy: z._default(z.boolean(), true),
});

/** `GET /fairlead/topology` */
export const topologyRecord = z.object({
  nodes: z.array(node),
  networks: z.array(network),
  services: z.array(service),
  endpoints: z.array(endpoint),
});

export type TopologyRecord = z.infer<typeof topologyRecord>;

/** All of it, or one network's part; the store is asked for what the node does not follow. */
export async function readTopology(client: Client, network = ''): Promise<TopologyRecord> {
  const query = network === '' ? { complete: 1 } : { network };
  return await client.request('GET', '/fairlead/topology', { query }, topologyRecord);
}
