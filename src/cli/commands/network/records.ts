import * as z from 'zod/mini';

/** A network as `GET /networks` lists it. */
export const networkRecord = z.object({
  Id: z.string(),
  Name: z.string(),
  Created: z.string(),
  Driver: z.string(),
  Scope: z._default(z.string(), 'local'),
  EnableIPv4: z.optional(z.boolean()),
  EnableIPv6: z._default(z.boolean(), false),
  Internal: z._default(z.boolean(), false),
  Labels: z.nullish(z.record(z.string(), z.string())),
});

export const networkRecords = z.array(networkRecord);

export type NetworkRecord = z.infer<typeof networkRecord>;

const predefined = ['none', 'host', 'bridge'];

/** The order of the seed's transcript: none, host, bridge, then as they were created. */
export function byCreation(networks: readonly NetworkRecord[]): readonly NetworkRecord[] {
  return [...networks].sort((a, b) => rank(a) - rank(b) || compare(a.Created, b.Created));
}

/** Today's order: by name, numbers by value. */
export function byName(networks: readonly NetworkRecord[]): readonly NetworkRecord[] {
  const { compare: natural } = new Intl.Collator('en', { numeric: true });
  return [...networks].sort((a, b) => natural(a.Name, b.Name));
}

function rank({ Name }: NetworkRecord): number {
  const place = predefined.indexOf(Name);
  return place < 0 ? predefined.length : place;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
