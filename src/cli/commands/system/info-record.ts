import * as z from 'zod/mini';

const store = z.object({
  name: z.string(),
  reachable: z.boolean(),
  since: z.number(),
  reason: z.optional(z.string()),
  degraded: z.optional(z.string()),
  refusal: z.optional(z.string()),
});

const listener = z.object({
  address: z.string(),
  port: z.number(),
  state: z.string(),
  reason: z.optional(z.string()),
});

const plugin = z.object({
  name: z.string(),
  address: z.optional(z.string()),
  implements: z._default(z.array(z.string()), []),
  state: z.string(),
  reason: z.optional(z.string()),
});

const engine = z.object({
  address: z.string(),
  reachable: z.boolean(),
  reason: z.optional(z.string()),
  version: z.optional(z.string()),
  apiVersion: z.optional(z.string()),
  plugin: z.string(),
  pluginProblem: z.optional(z.string()),
});

/** The part of `GET /info` about Fairlead itself. */
export const infoRecord = z.object({
  Containers: z._default(z.number(), 0),
  ContainersRunning: z._default(z.number(), 0),
  Fairlead: z.object({
    version: z._default(z.string(), ''),
    /** The daemon's pid in its own pid namespace. */
    pid: z._default(z.number(), 0),
    /** `simulated`, `sandbox` or `engine`. */
    mode: z.string(),
    why: z._default(z.string(), ''),
    nodeId: z._default(z.string(), ''),
    nodeName: z._default(z.string(), ''),
    dataRoot: z._default(z.string(), ''),
    defaultNetwork: z._default(z.string(), ''),
    /** The address of the Docker Engine that has the containers: `unix://…`. */
    engine: z.optional(z.string()),
    engineState: z.optional(engine),
    stores: z._default(z.array(store), []),
    plugins: z._default(z.array(plugin), []),
    /** What of the host keeps packets from the networks. */
    obstacles: z._default(z.array(z.string()), []),
    dns: z.optional(
      z.object({
        listeners: z._default(z.array(listener), []),
        upstreams: z._default(z.array(z.string()), []),
      }),
    ),
  }),
});

export type InfoRecord = z.infer<typeof infoRecord>;
export type StoreRecord = z.infer<typeof store>;
export type PluginRecord = z.infer<typeof plugin>;
export type ListenerRecord = z.infer<typeof listener>;
export type EngineRecord = z.infer<typeof engine>;
