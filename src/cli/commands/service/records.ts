import * as z from 'zod/mini';
import type { Client, Query } from '../../client/client.ts';

const provider = z.object({
  container_id: z.string(),
  container_name: z._default(z.string(), ''),
  node: z._default(z.string(), ''),
  ipv4: z._default(z.string(), ''),
  ipv6: z._default(z.string(), ''),
});

/** A service as `GET /services` lists it: 2015's three members and ours. */
const serviceRecord = z.object({
  name: z.string(),
  id: z.string(),
  network: z.string(),
  network_id: z._default(z.string(), ''),
  providers: z._default(z.array(provider), []),
  shared: z._default(z.boolean(), false),
  ipv4: z._default(z.string(), ''),
  ipv6: z._default(z.string(), ''),
  aliases: z._default(z.array(z.string()), []),
  implicit: z._default(z.boolean(), false),
});

export type ServiceRecord = z.infer<typeof serviceRecord>;

/** Go wrote an empty list as null. */
const serviceRecords = z.nullable(z.array(serviceRecord));

/** What a list's row shows, ids cut; 2015's daemon said them whole, and not who provides. */
export type ListedService = Pick<ServiceRecord, 'name' | 'id' | 'network'> & {
  readonly providers?: readonly string[];
};

/** By hand: of ten thousand services zod makes copies, which takes it as long as Node takes to start. */
const listedServices = z.nullable(
  z.custom<readonly ListedService[]>(
    (value) => Array.isArray(value) && value.every(isListed),
    'no list of services',
  ),
);

function isListed(value: unknown): value is ListedService {
  const { name, id, network, providers = [] }: Partial<Record<keyof ListedService, unknown>> = Object(value);
  const isText = (each: unknown) => typeof each === 'string';
  return isText(name) && isText(id) && isText(network) && Array.isArray(providers) && providers.every(isText);
}

/** The routes of 2015 answer below 1.24 only. */
export const experimental = '/v1.23';
const servicesPath = `${experimental}/services`;

export async function listServices(client: Client, query: Query): Promise<readonly ServiceRecord[]> {
  return (await client.request('GET', servicesPath, { query }, serviceRecords)) ?? [];
}

/** The same, with what a row shows. */
export async function listRows(client: Client, query: Query): Promise<readonly ListedService[]> {
  return (await client.request('GET', servicesPath, { query: { ...query, brief: 1 } }, listedServices)) ?? [];
}

/** @throws DaemonError when SERVICE[.NETWORK] names nothing */
export async function findService(client: Client, ref: string): Promise<ServiceRecord> {
  const [service] = await listServices(client, { ref });
  if (!service) throw new Error(`the daemon found no service ${ref} and said no error`);
  return service;
}

/** `PATH/services/ID…` */
export function servicePath({ id }: ServiceRecord, ...rest: readonly string[]): string {
  return [`${experimental}/services/${id}`, ...rest.map(encodeURIComponent)].join('/');
}
