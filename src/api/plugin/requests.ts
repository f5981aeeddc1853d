import * as z from 'zod';

/** What an Engine sends to a plugin (docker-facts 4.2 and 4.4); members that we have no use for are passed over. */

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const textMap = z
  .record(z.string(), z.unknown())
  .nullish()
  .transform((map) => {
    const texts = Object.entries(map ?? {}).flatMap(([key, value]) =>
      typeof value === 'string' ? [[key, value] as const] : [],
    );
    return Object.fromEntries(texts);
  });
const id = z.string().regex(/^[A-Za-z0-9]{1,128}$/, 'expected an id');

const genericOptions = 'com.docker.network.generic';

const pools = z
  .array(z.object({ Pool: text }))
  .nullish()
  .transform((list) => (list ?? []).map(({ Pool }) => Pool).filter((pool) => pool !== ''));

export const createNetwork = z.object({
  NetworkID: id,
  Options: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((options) =>
      textMap.parse(z.looseObject({}).nullish().catch({}).parse(options?.[genericOptions])),
    ),
  IPv4Data: pools,
  IPv6Data: pools,
});

export const ofNetwork = z.object({ NetworkID: id });
export const ofEndpoint = z.object({ NetworkID: id, EndpointID: id });

export const createEndpoint = ofEndpoint.extend({
  Interface: z
    .object({ Address: text, AddressIPv6: text, MacAddress: text })
    .nullish()
    .transform((given) => given ?? { Address: '', AddressIPv6: '', MacAddress: '' }),
});

const portMap = 'com.docker.network.portmap';

export const join = ofEndpoint.extend({
  SandboxKey: text,
  /** Whether ports are to be published: those of the sandbox, whichever network it joins. */
  Options: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((options) => {
      const ports = options?.[portMap];
      return Array.isArray(ports) && ports.length > 0;
    }),
});

export const requestPool = z.object({
  Pool: text,
  SubPool: text,
  Options: textMap,
  V6: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
});

export const ofPool = z.object({ PoolID: z.string() });
export const requestAddress = ofPool.extend({ Address: text, Options: textMap });
export const releaseAddress = ofPool.extend({ Address: text });
