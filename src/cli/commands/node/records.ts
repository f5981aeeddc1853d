import * as z from 'zod/mini';

/** A node as `GET /fairlead/nodes` lists it. */
const nodeRecord = z.object({
  id: z.string(),
  name: z.string(),
  advertise: z._default(z.string(), ''),
  version: z._default(z.string(), ''),
  started: z._default(z.string(), ''),
  state: z._default(z.string(), 'alive'),
  /** Of a lost node. */
  lastSeen: z._default(z.string(), ''),
  self: z._default(z.boolean(), false),
});

export const nodeRecords = z.array(nodeRecord);

export type NodeRecord = z.infer<typeof nodeRecord>;
