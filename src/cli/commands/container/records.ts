import * as z from 'zod/mini';

const texts = z.nullish(z.record(z.string(), z.string()));

/** A container as `GET /containers/json` lists it. */
const listedContainer = z.object({
  Id: z.string(),
  Names: z.array(z.string()),
  Image: z.string(),
  Command: z._default(z.string(), ''),
  /** Unix time in seconds. */
  Created: z.number(),
  State: z._default(z.string(), ''),
  Status: z._default(z.string(), ''),
  Ports: z.nullish(
    z.array(
      z.object({
        IP: z.optional(z.string()),
        PrivatePort: z.number(),
        PublicPort: z.optional(z.number()),
        Type: z.string(),
      }),
    ),
  ),
  Labels: texts,
  SizeRw: z.optional(z.number()),
  SizeRootFs: z.optional(z.number()),
  Mounts: z._default(
    z.array(z.object({ Name: z.optional(z.string()), Source: z.string(), Driver: z.optional(z.string()) })),
    [],
  ),
  NetworkSettings: z.optional(z.object({ Networks: z.nullish(z.record(z.string(), z.unknown())) })),
});

export const listedContainers = z.array(listedContainer);
export type ListedContainer = z.infer<typeof listedContainer>;

/** What attaching and logs need of `GET /containers/REF/json`. */
export const containerState = z.object({
  Id: z.string(),
  State: z.object({ Running: z.boolean() }),
  Config: z.object({ Tty: z._default(z.boolean(), false), OpenStdin: z._default(z.boolean(), false) }),
});
