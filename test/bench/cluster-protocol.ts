import { z } from 'zod';

/** What the benchmark tells the processes that its nodes are in, and what they answer. */
export const orderSchema = z.discriminatedUnion('order', [
  /** No more of them after so many seconds. */
  z.object({ order: z.literal('join'), seconds: z.number() }),
  /** Attaches per second, of this process's nodes. */
  z.object({ order: z.literal('churn'), perSecond: z.number(), seconds: z.number() }),
  z.object({ order: z.literal('count') }),
]);
export type Order = z.infer<typeof orderSchema>;

const traffic = z.object({
  gets: z.number(),
  lists: z.number(),
  commits: z.number(),
  changes: z.number(),
  entries: z.number(),
});

export const answerSchema = z.object({
  /** Nodes. */
  joined: z.number(),
  traffic,
  /** Leases that were lost so far. */
  lost: z.number(),
  /** How many nodes each node knows, the fewest. */
  fewestNodes: z.number(),
  megabytes: z.number(),
  /** Endpoint → the node and when its attach had returned, in milliseconds of the machine's monotonic clock. */
  attached: z.array(z.object({ endpoint: z.string(), at: z.number(), took: z.number() })),
  /** Endpoint → when another node of the network showed it. */
  seen: z.array(z.object({ endpoint: z.string(), at: z.number() })),
  failures: z.array(z.string()),
});
export type Answer = z.infer<typeof answerSchema>;

/** One clock for all processes of the machine. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
