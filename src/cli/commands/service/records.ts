import * as z from 'zod/mini';
import type { Client, Query } from '../../client/client.ts';

const provider = z.object({
  container_id: z.string(),
  container_name: z._default(z.string(), ''),
  node: z._default(z.string(), ''),
  ipv4: z._default(z.string(), ''),
  ipv6: z._default(z.string(), ''),
  since: z._default(z.string(), ''),
  took_over: z.optional(z.object({ from: z.string(), why: z.string() })),
});

const candidate = z.object({
  container_id: z.string(),
  container_name: z.string(),
  node: z.string(),
  since: z.string(),
  ready: z.boolean(),
  preempts: z._default(z.boolean(), false),
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
  candidates: z._default(z.array(candidate), []),
});

export type ServiceRecord = z.infer<typeof serviceRecord>;

/** Go wrote an empty list as null. */
const serviceRecords = z.nullable(z.array(serviceRecord));

/** The routes of 2015 answer below 1.24 only. */
export const experimental = '/v1.23';
const servicesPath = `${experimental}/services`;

export async function listServices(client: Client, query: Query): Promise<readonly ServiceRecord[]> {
  return (await client.request('GET', servicesPath, { query }, serviceRecords)) ?? [];
}

/**
 * The same as a table's rows: a line each of id, name, network and providers, tab-separated, by name, with ids cut; of ten
 * thousand services records would take as long as Node takes to start. An older daemon gives records all the same.
 */
export async function listRows(client: Client, query: Query): Promise<string | readonly ServiceRecord[]> {
  const rows = z.optional(z.union([z.string(), serviceRecords], 'no list of services'));
  return (await client.request('GET', servicesPath, { query: { ...query, brief: 1 } }, rows)) ?? '';
}

/** @throws DaemonError when SERVICE[.NETWORK] names nothing */
export async function findService(client: Client, ref: string): Promise<ServiceRecord> {
  const [service] = await listServices(client, { ref });
  if (!service) throw new Error(`the daemon found no service ${ref} and reported no error`);
  return service;
}

/** `PATH/services/ID…` */
export function servicePath({ id }: Pick<ServiceRecord, 'id'>, ...rest: readonly string[]): string {
  return [`${experimental}/services`, ...[id, ...rest].map(encodeURIComponent)].join('/');
}
