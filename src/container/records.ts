import * as z from 'zod';
import { endpointFor } from '../cluster/endpoint.ts';
import { endpointSchema, portSchema } from '../cluster/records.ts';
import type { Attachment, Container } from './container.ts';

/** What the embedded store holds of a container of the sandbox and simulated ways: the `Container` itself. */

const texts = z.array(z.string());
const textMap = z.record(z.string(), z.string());

const sourceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('veth'), hostName: z.string(), bridge: z.string() }),
  z.object({ kind: z.literal('existing'), hostName: z.string() }),
]);

const interfaceSchema = z.object({
  name: z.string(),
  source: sourceSchema,
  gateway: z.string().exactOptional(),
  gateway6: z.string().exactOptional(),
  resolver: z.string().exactOptional(),
  routes: z.array(z.object({ destination: z.string(), nextHop: z.string().exactOptional() })).exactOptional(),
});

const bindingSchema = portSchema.extend({ address: z.string(), hostPort: z.number().int() });

const publishSchema = z.object({
  ports: z.array(
    portSchema.extend({
      address: z.string().exactOptional(),
      range: z.object({ first: z.number().int(), last: z.number().int() }).exactOptional(),
    }),
  ),
  all: z.boolean(),
});

const wantedSchema = z.object({
  network: z.string(),
  networkName: z.string().exactOptional(),
  serviceId: z.string().exactOptional(),
  publish: z.string().exactOptional(),
  aliases: texts,
  links: texts.exactOptional(),
  variables: texts.exactOptional(),
  ipv4: z.string().exactOptional(),
  ipv6: z.string().exactOptional(),
  mac: z.string().exactOptional(),
  linkLocal: texts.exactOptional(),
  gatewayPriority: z.number().exactOptional(),
  driverOptions: textMap.exactOptional(),
});

const attachmentSchema = wantedSchema.extend({
  // No node in what was completed from an older record and has not been compared with the store yet.
  endpoint: endpointSchema.extend({ nodeId: z.string() }).exactOptional(),
  interface: interfaceSchema.exactOptional(),
});

const networkModeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('network'), network: z.string() }),
  z.object({ kind: z.literal('none') }),
  z.object({ kind: z.literal('host') }),
  z.object({ kind: z.literal('container'), containerId: z.string() }),
]);

const mountSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('bind'),
    source: z.string(),
    target: z.string(),
    readOnly: z.boolean(),
    createSource: z.boolean(),
  }),
  z.object({
    kind: z.literal('volume'),
    source: z.string(),
    target: z.string(),
    readOnly: z.boolean(),
    anonymous: z.boolean(),
  }),
  z.object({ kind: z.literal('tmpfs'), target: z.string(), options: z.string() }),
]);

const isolationSchema = z.object({
  privileged: z.boolean(),
  capabilities: texts.exactOptional(),
  noNewPrivileges: z.boolean(),
  readOnly: z.boolean(),
  groups: texts,
  ulimits: z.array(z.object({ name: z.string(), soft: z.number().int(), hard: z.number().int() })),
  sysctls: textMap,
  mounts: z.array(mountSchema),
  devices: z.array(z.object({ source: z.string(), target: z.string() })),
  shmSize: z.number().int(),
  ipc: z.enum(['private', 'host', 'none']),
  uts: z.enum(['private', 'host']),
  cgroup: z.enum(['private', 'host']),
  maskedPaths: texts,
  readonlyPaths: texts,
});

const specSchema = z.object({
  name: z.string(),
  image: z.string(),
  command: texts,
  env: texts,
  workingDir: z.string(),
  user: z.string(),
  hostname: z.string(),
  domainname: z.string(),
  tty: z.boolean(),
  openStdin: z.boolean(),
  stopSignal: z.string().exactOptional(),
  stopTimeout: z.number().exactOptional(),
  labels: textMap,
  networkMode: networkModeSchema,
  dns: texts,
  dnsSearch: texts,
  dnsOptions: texts,
  extraHosts: texts,
  exposedPorts: z.array(portSchema),
  publish: publishSchema.exactOptional(),
  autoRemove: z.boolean(),
  isolation: isolationSchema.exactOptional(),
  healthcheck: z
    .object({
      command: texts,
      intervalMs: z.number(),
      timeoutMs: z.number(),
      startPeriodMs: z.number(),
      startIntervalMs: z.number(),
      retries: z.number().int(),
    })
    .exactOptional(),
  restart: z
    .object({
      name: z.enum(['always', 'unless-stopped', 'on-failure']),
      maximumRetries: z.number().int(),
    })
    .exactOptional(),
  publishServices: texts,
  extras: z.record(z.string(), z.unknown()),
  attachments: z.array(attachmentSchema),
});

const stateSchema = z.object({
  status: z.enum(['created', 'running', 'exited']),
  pid: z.number().int(),
  exitCode: z.number().int(),
  startedAt: z.string(),
  finishedAt: z.string(),
  error: z.string(),
});

const currentSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string(),
  created: z.string(),
  spec: specSchema,
  state: stateSchema,
  attachments: z.array(attachmentSchema),
  published: z.array(bindingSchema).exactOptional(),
  healthy: z.boolean().exactOptional(),
  health: z.enum(['starting', 'healthy', 'unhealthy']).exactOptional(),
  supervision: z
    .object({
      restarts: z.number().int(),
      restarting: z.boolean(),
      stopped: z.boolean(),
      exitCode: z.number().int().exactOptional(),
    })
    .exactOptional(),
});

/** Of a place as versions up to 0.1.0 kept it, under `memberships`. */
const joinedSchema = interfaceSchema.omit({ name: true, source: true }).extend({
  endpointId: z.string(),
  interfaceName: z.string().exactOptional(),
  source: sourceSchema.exactOptional(),
  ipv4: z.string().exactOptional(),
  ipv6: z.string().exactOptional(),
  mac: z.string().exactOptional(),
});
const membershipsSchema = z.array(wantedSchema.extend({ joined: joinedSchema.exactOptional() }));
type Membership = z.infer<typeof membershipsSchema>[number];

const olderSchema = currentSchema
  .omit({ attachments: true, spec: true })
  .extend({
    spec: specSchema.omit({ attachments: true }).extend({ memberships: membershipsSchema }),
    memberships: membershipsSchema,
  })
  .transform(({ memberships, spec: { memberships: asked, ...rest }, ...container }): Container => {
    const spec = { ...rest, attachments: asked.map(({ joined: _, ...wanted }) => wanted) };
    const current = { ...container, spec };
    return { ...current, attachments: memberships.map((one) => attachmentFrom(one, current)) };
  });

/** As much of the endpoint as the older record tells; the first look at the store completes it. */
function attachmentFrom(
  { joined, ...wanted }: Membership,
  container: Omit<Container, 'attachments'>,
): Attachment {
  if (!joined) return wanted;
  const { endpointId: id, interfaceName: name, source, ipv4, ipv6, mac, ...rest } = joined;
  const addresses = { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}), ...(mac ? { mac } : {}) };
  const { network: networkId, serviceId } = wanted;
  const identity = { id, networkId, nodeId: '', created: container.state.startedAt, ...addresses };
  return {
    ...wanted,
    endpoint: { ...endpointFor(identity, container, wanted), ...(serviceId ? { serviceId } : {}) },
    ...(name && source ? { interface: { name, source, ...rest } } : {}),
  };
}

export const containerSchema: z.ZodType<Container> = z.union([currentSchema, olderSchema]);

/** @throws an Error when the text is not a container's record */
export function decodeContainer(text: string): Container {
  return containerSchema.parse(JSON.parse(text));
}
