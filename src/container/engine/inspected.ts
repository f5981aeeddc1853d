import * as z from 'zod';
import { endpointFor } from '../../cluster/endpoints/endpoint.ts';
import { isLink } from '../../cluster/endpoints/links.ts';
import type { Endpoint, Port } from '../../cluster/records.ts';
import { shortId } from '../../lib/ids.ts';
import type { Attachment, Container, ContainerSpec, ContainerState, NetworkMode } from '../container.ts';

/** GET /containers/ID/json, as far as it is read; Go writes empty collections as null. */

const texts = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);
export const textMap = z
  .record(z.string(), z.string())
  .nullish()
  .transform((map) => map ?? {});
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

const endpointSettings = z.object({
  NetworkID: text,
  EndpointID: text,
  Aliases: texts,
  Links: texts,
  GwPriority: z.number().nullish(),
  IPAddress: text,
  IPPrefixLen: z.number().nullish(),
  GlobalIPv6Address: text,
  GlobalIPv6PrefixLen: z.number().nullish(),
  MacAddress: text,
  IPAMConfig: z.object({ IPv4Address: text, IPv6Address: text, LinkLocalIPs: texts }).nullish(),
  DriverOpts: textMap,
});
export type EndpointSettings = z.infer<typeof endpointSettings>;

export const inspected = z.object({
  Id: z.string().regex(/^[0-9a-f]{64}$/),
  Name: z.string(),
  Created: z.string(),
  State: z.object({
    Status: z.string(),
    Pid: z.number(),
    ExitCode: z.number(),
    StartedAt: z.string(),
    FinishedAt: z.string(),
    Error: text,
    Health: z.object({ Status: z.string() }).nullish(),
  }),
  Config: z.object({
    Hostname: text,
    Domainname: text,
    User: text,
    Image: text,
    Tty: z.boolean().nullish(),
    OpenStdin: z.boolean().nullish(),
    Env: texts,
    Entrypoint: texts,
    Cmd: texts,
    WorkingDir: text,
    Labels: textMap,
    ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
  }),
  HostConfig: z.object({
    NetworkMode: text,
    AutoRemove: z.boolean().nullish(),
    Dns: texts,
    DnsSearch: texts,
    DnsOptions: texts,
    ExtraHosts: texts,
  }),
  NetworkSettings: z.object({ Networks: z.record(z.string(), endpointSettings).nullish() }),
});
export type Inspected = z.infer<typeof inspected>;

/**
 * The Engine's container as ours. Its places still speak of the Engine's networks and endpoints, by its ids;
 * translation.ts says which are ours.
 */
export function containerOf(found: Inspected): Container {
  const attachments = Object.entries(found.NetworkSettings.Networks ?? {}).map(([name, settings]) =>
    attachmentOf(name, settings, found),
  );
  return {
    id: found.Id,
    name: found.Name.replace(/^\//, ''),
    created: found.Created,
    spec: specOf(found, attachments),
    state: stateOf(found.State),
    attachments,
    healthy: isHealthy(found.State),
  };
}

/** Without a health check, and from its first success on, it is; not while it starts. */
function isHealthy({ Health }: Inspected['State']): boolean {
  return Health?.Status === undefined || Health.Status === 'none' || Health.Status === 'healthy';
}

/** A paused container keeps its names (docker-facts 7.5); one that is restarting has none at the moment. */
function stateOf(state: Inspected['State']): ContainerState {
  const { Status, Pid, ExitCode, StartedAt, FinishedAt, Error: error } = state;
  const running = Status === 'running' || Status === 'paused';
  return {
    status: running ? 'running' : Status === 'created' ? 'created' : 'exited',
    pid: running ? Pid : 0,
    exitCode: ExitCode,
    startedAt: StartedAt,
    finishedAt: FinishedAt,
    error,
  };
}

function specOf(found: Inspected, attachments: readonly Attachment[]): ContainerSpec {
  const { Config, HostConfig } = found;
  return {
    name: found.Name.replace(/^\//, ''),
    image: Config.Image,
    command: [...Config.Entrypoint, ...Config.Cmd],
    env: Config.Env,
    workingDir: Config.WorkingDir,
    user: Config.User,
    hostname: Config.Hostname,
    domainname: Config.Domainname,
    tty: Config.Tty ?? false,
    openStdin: Config.OpenStdin ?? false,
    labels: Config.Labels,
    networkMode: networkModeOf(HostConfig.NetworkMode),
    dns: HostConfig.Dns,
    dnsSearch: HostConfig.DnsSearch,
    dnsOptions: HostConfig.DnsOptions,
    extraHosts: HostConfig.ExtraHosts,
    exposedPorts: exposedPortsOf(found),
    autoRemove: HostConfig.AutoRemove ?? false,
    publishServices: [],
    extras: {},
    attachments,
  };
}

function networkModeOf(mode: string): NetworkMode {
  if (mode === 'none' || mode === 'host') return { kind: mode };
  if (mode.startsWith('container:')) {
    return { kind: 'container', containerId: mode.slice('container:'.length) };
  }
  return { kind: 'network', network: mode === 'default' || mode === '' ? 'bridge' : mode };
}

function portOf(portAndProtocol: string): Port | undefined {
  const match = /^(\d+)\/(tcp|udp|sctp)$/.exec(portAndProtocol);
  const port = Number(match?.[1]);
  const protocol = (['tcp', 'udp', 'sctp'] as const).find((name) => name === match?.[2]);
  return protocol && port >= 1 && port <= 65535 ? { protocol, port } : undefined;
}

function attachmentOf(name: string, settings: EndpointSettings, found: Inspected): Attachment {
  const { NetworkID, EndpointID, IPAMConfig, Aliases, Links, GwPriority, DriverOpts } = settings;
  const links = Links.filter(isLink);
  const linkLocal = IPAMConfig?.LinkLocalIPs ?? [];
  const wanted = {
    // A container that never ran knows the network by its name only.
    network: NetworkID || name,
    // The Engine adds the short id, which is a name anyway.
    aliases: [...new Set(Aliases.filter((alias) => alias !== shortId(found.Id)))],
    ...(IPAMConfig?.IPv4Address ? { ipv4: IPAMConfig.IPv4Address } : {}),
    ...(IPAMConfig?.IPv6Address ? { ipv6: IPAMConfig.IPv6Address } : {}),
    ...(links.length > 0 ? { links } : {}),
    ...(linkLocal.length > 0 ? { linkLocal } : {}),
    ...(GwPriority ? { gatewayPriority: GwPriority } : {}),
    ...(Object.keys(DriverOpts).length > 0 ? { driverOptions: DriverOpts } : {}),
  };
  return EndpointID === '' ? wanted : { ...wanted, endpoint: endpointOf(settings, wanted, found) };
}

/** In no store: the Engine's own, of this node. */
function endpointOf(settings: EndpointSettings, wanted: Attachment, found: Inspected): Endpoint {
  const { EndpointID: id, IPAddress, IPPrefixLen, GlobalIPv6Address, GlobalIPv6PrefixLen } = settings;
  const identity = {
    ...{ id, networkId: wanted.network, nodeId: '', created: found.State.StartedAt },
    ...(IPAddress ? { ipv4: `${IPAddress}/${IPPrefixLen ?? 32}` } : {}),
    ...(GlobalIPv6Address ? { ipv6: `${GlobalIPv6Address}/${GlobalIPv6PrefixLen ?? 128}` } : {}),
    ...(settings.MacAddress ? { mac: settings.MacAddress.toLowerCase() } : {}),
  };
  const spec = { exposedPorts: exposedPortsOf(found) };
  const name = found.Name.replace(/^\//, '');
  return endpointFor(identity, { id: found.Id, name, healthy: isHealthy(found.State), spec }, wanted);
}

function exposedPortsOf({ Config }: Inspected): readonly Port[] {
  return Object.keys(Config.ExposedPorts ?? {}).flatMap((port) => portOf(port) ?? []);
}
