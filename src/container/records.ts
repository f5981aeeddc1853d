import * as z from 'zod';
import { portSchema } from '../cluster/records.ts';
import type { Container } from './container.ts';

/** What the embedded store holds of a container of the sandbox and simulated ways: the `Container` itself. */

const texts = z.array(z.string());
const textMap = z.record(z.string(), z.string());

const sourceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('veth'), hostName: z.string(), bridge: z.string() }),
  z.object({ kind: z.literal('existing'), hostName: z.string() }),
]);

const joinedSchema = z.object({
  endpointId: z.string(),
  interfaceName: z.string().exactOptional(),
  source: sourceSchema.exactOptional(),
  ipv4: z.string().exactOptional(),
  ipv6: z.string().exactOptional(),
  mac: z.string().exactOptional(),
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

const membershipSchema = z.object({
  network: z.string(),
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
  joined: joinedSchema.exactOptional(),
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
  restart: z
    .object({
      name: z.enum(['always', 'unless-stopped', 'on-failure']),
      maximumRetries: z.number().int(),
    })
    .exactOptional(),
  publishServices: texts,
  extras: z.record(z.string(), z.unknown()),
  memberships: z.array(membershipSchema),
});

const stateSchema = z.object({
  status: z.enum(['created', 'running', 'exited']),
  pid: z.number().int(),
  exitCode: z.number().int(),
  startedAt: z.string(),
  finishedAt: z.string(),
  error: z.string(),
});

export const containerSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string(),
  created: z.string(),
  spec: specSchema,
  state: stateSchema,
  memberships: z.array(membershipSchema),
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

/** @throws an Error when the text is not a container's record */
export function decodeContainer(text: string): Container {
  return containerSchema.parse(JSON.parse(text));
}
