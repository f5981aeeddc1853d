import * as z from 'zod';
import { parseLink } from '../../../../cluster/endpoints/links.ts';
import type { Container } from '../../../../container/container.ts';
import type { Runtime } from '../../../../container/runtime.ts';
import { parseSignal } from '../../../../container/signals.ts';
import { FairleadError } from '../../../../lib/errors.ts';
import { parseContainerName } from '../../../../lib/names.ts';
import type { CreateContainer } from '../../../../network/model.ts';
import { go } from '../../../go/json.ts';
import type { ApiVersion } from '../../../http/version.ts';
import { capabilityWarnings, ownBoundingSet } from '../../isolation/capabilities.ts';
import { hostOptionWarnings } from '../../isolation/host-options.ts';
import { isolationMembers, parseIsolation } from '../../isolation/isolation-options.ts';
import { endpointSettings } from '../../networks/endpoint-settings.ts';
import { parsePortBindings, parsePorts, portBindings } from '../port-bindings.ts';
import { parseRestart, restartPolicy } from '../restart-policy.ts';
import { parseEndpoints } from './endpoints.ts';
import { healthConfig, parseHealthcheck } from './healthcheck.ts';
import { migrateSysctls } from './interface-sysctls.ts';
import { logConfig, requireLogDriver } from './log-config.ts';
import { requireNamesAndServers } from './names-and-servers.ts';
import { refuseContainerMac, versionWarnings } from './versions.ts';

/** Go's strslice: one string or a list. */
const words = z
  .union([z.string(), z.array(z.string())], { error: 'string' })
  .nullish()
  .transform((value) => (typeof value === 'string' ? [value] : (value ?? [])));
const anything = z.record(z.string(), z.unknown(), { error: 'map[string]struct {}' }).nullish();

/** The members of a create body that mean something here; the others are kept for inspect. */
export const containerCreate = go.object('container.CreateRequest', {
  Hostname: go.text(),
  Domainname: go.text(),
  User: go.text(),
  ExposedPorts: anything,
  Volumes: anything,
  Tty: go.flag(),
  OpenStdin: go.flag(),
  Env: go.freeTexts(),
  Cmd: words,
  Entrypoint: words,
  Image: go.text(),
  WorkingDir: go.text(),
  StopSignal: go.text(),
  StopTimeout: z.number({ error: 'int' }).int().nullish(),
  MacAddress: go.text(),
  NetworkDisabled: go.flag(),
  Labels: go.freeMap(),
  Healthcheck: healthConfig,
  PublishService: words,
  /** Ours, with PublishService. */
  Standby: go.flag(),
  HostConfig: go.object('container.HostConfig', {
    NetworkMode: go.text(),
    Dns: go.texts(),
    DnsOptions: go.texts(),
    DnsSearch: go.texts(),
    ExtraHosts: go.texts(),
    AutoRemove: go.flag(),
    RestartPolicy: restartPolicy,
    PortBindings: portBindings,
    PublishAllPorts: go.flag(),
    Links: go.texts(),
    LogConfig: logConfig,
    ...isolationMembers,
  }),
  NetworkingConfig: go.object('network.NetworkingConfig', {
    EndpointsConfig: go.map(endpointSettings, 'map[string]*network.EndpointSettings'),
  }),
});

export type CreateRequest = z.infer<typeof containerCreate>;
type Request = CreateRequest;

export interface ParsedCreate {
  readonly request: CreateContainer;
  readonly warnings: readonly string[];
}

/** What a create is checked against. */
export interface CreateContext {
  readonly runtime: Pick<Runtime, 'kind'>;
  readonly find: (ref: string) => Container;
}

/** @throws invalid, in the Engine's words | unsupported: an option that cannot be done and weakens the container */
export function parseContainerCreate(
  sent: Request,
  raw: unknown,
  name: string | null,
  context: CreateContext,
  version: ApiVersion,
): ParsedCreate {
  const { body, warnings: migrated } = migrateSysctls(sent, networkMode(sent), version);
  const host = body.HostConfig;
  if (body.Image === '') throw new FairleadError('invalid', 'no image specified');
  if (body.StopSignal) parseSignal(body.StopSignal);
  requireNamesAndServers(body);
  requireLogDriver(host.LogConfig);
  const mode = networkMode(body);
  const extras = extrasOf(raw, migrated.length > 0 ? { Sysctls: orAbsent(host.Sysctls) } : {});
  // A container that is a record is kept from nothing, and nothing is weaker for that.
  const enforced = context.runtime.kind !== 'simulated';
  const withheld =
    context.runtime.kind === 'sandbox' && !host.Privileged
      ? capabilityWarnings(host.CapAdd, ownBoundingSet())
      : [];
  const notes = [...hostOptionWarnings(extras.HostConfig, enforced), ...withheld];
  refuseContainerMac(body, mode, version);
  const isolation = isolationOf(body, mode, context.find, enforced);
  const { healthcheck, warnings } = parseHealthcheck(body.Healthcheck);
  return {
    request: {
      ...(name && { name: parseContainerName(name) }),
      image: body.Image,
      command: [...body.Entrypoint, ...body.Cmd],
      env: body.Env,
      workingDir: body.WorkingDir,
      user: body.User,
      hostname: body.Hostname,
      domainname: body.Domainname,
      tty: body.Tty,
      openStdin: body.OpenStdin,
      ...(body.StopSignal && { stopSignal: body.StopSignal }),
      ...(typeof body.StopTimeout === 'number' && { stopTimeout: body.StopTimeout }),
      labels: body.Labels,
      networkMode: mode,
      endpoints: parseEndpoints(body.NetworkingConfig.EndpointsConfig, mode, body.MacAddress),
      dns: host.Dns,
      dnsSearch: host.DnsSearch,
      dnsOptions: host.DnsOptions,
      extraHosts: host.ExtraHosts,
      exposedPorts: parsePorts(Object.keys(body.ExposedPorts ?? {})),
      ...publishOf(body, mode),
      ...linksOf(body, mode),
      autoRemove: host.AutoRemove,
      ...parseRestart(host.RestartPolicy, host.AutoRemove),
      ...(isolation ? { isolation } : {}),
      ...(healthcheck ? { healthcheck } : {}),
      publishServices: body.PublishService.filter((service) => service !== ''),
      ...(body.Standby ? { standby: true } : {}),
      extras,
    },
    warnings: [...migrated, ...versionWarnings(body, mode, version), ...notes, ...warnings],
  };
}

function networkMode({
  HostConfig,
  NetworkDisabled,
  NetworkingConfig,
  Hostname,
  ExposedPorts,
}: Request): string {
  if (NetworkDisabled) return 'none';
  const mode = HostConfig.NetworkMode || 'default';
  if (mode.startsWith('container:')) {
    refuseWithSharedSandbox(mode, Hostname, HostConfig, ExposedPorts);
    return mode;
  }
  const asked = Object.keys(NetworkingConfig.EndpointsConfig);
  const [only] = asked;
  // Where they differ and there is only one, the endpoint's key wins (docker-facts 5.3).
  return only !== undefined && asked.length === 1 && mode !== 'host' && mode !== 'none' ? only : mode;
}

/** The host's own stack needs none, and `none` has nothing to publish. @throws invalid (docker-facts 5.3 #70) */
function publishOf({ HostConfig }: Request, mode: string): Pick<CreateContainer, 'publish'> {
  const ports = parsePortBindings(HostConfig.PortBindings);
  const all = HostConfig.PublishAllPorts;
  if (ports.length === 0 && !all) return {};
  if (mode.startsWith('container:')) {
    throw new FairleadError(
      'invalid',
      'conflicting options: port publishing and the container type network mode',
    );
  }
  return mode === 'host' || mode === 'none' ? {} : { publish: { ports, all } };
}

/** Links of the default network; other networks use the endpoint's, and the Engine ignores these. @throws invalid */
function linksOf({ HostConfig: { Links } }: Request, mode: string): Pick<CreateContainer, 'links'> {
  if (Links.length === 0) return {};
  const type = mode.startsWith('container:') ? 'container' : mode;
  if (type === 'host' || type === 'container') {
    const what = type === 'host' ? 'host type networking' : 'container type network';
    throw new FairleadError(
      'invalid',
      `conflicting options: ${what} can't be used with links. This would result in undefined behavior`,
    );
  }
  for (const link of Links) parseLink(link);
  return mode === 'default' || mode === 'bridge' ? { links: Links } : {};
}

/** In the Engine's words and order (moby 28.5, runconfig). What publishes a port exposes it, too. */
function refuseWithSharedSandbox(
  mode: string,
  hostname: string,
  { Dns, ExtraHosts, PortBindings, PublishAllPorts }: Request['HostConfig'],
  exposed: Request['ExposedPorts'],
): void {
  if (mode === 'container:') {
    throw new FairleadError('invalid', 'Invalid network mode: invalid container format container:<name|id>');
  }
  if (hostname) throw conflicting('hostname and the network mode');
  if (Dns.length > 0) throw conflicting('dns and the network mode');
  if (ExtraHosts.length > 0) throw conflicting('custom host-to-IP mapping and the network mode');
  if (PublishAllPorts || Object.keys(PortBindings).length > 0)
    throw conflicting('port publishing and the container type network mode');
  if (Object.keys(exposed ?? {}).length > 0)
    throw conflicting('port exposing and the container type network mode');
}

function conflicting(what: string): FairleadError {
  return new FairleadError('invalid', `conflicting options: ${what}`);
}

function isolationOf(body: Request, networkMode: string, find: CreateContext['find'], enforced: boolean) {
  return parseIsolation({
    host: body.HostConfig,
    volumes: Object.keys(body.Volumes ?? {}),
    hostname: body.Hostname,
    networkMode,
    enforced,
    find,
  });
}

function orAbsent<T extends object>(value: T): T | undefined {
  return Object.keys(value).length > 0 ? value : undefined;
}

/** What inspect gives back although nothing here acts on it: the whole `Config` and `HostConfig` as sent, but for `changed`. */
function extrasOf(raw: unknown, changed: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const body = z.record(z.string(), z.unknown()).safeParse(raw).data ?? {};
  const { HostConfig, NetworkingConfig: _, ...Config } = body;
  const host = z.record(z.string(), z.unknown()).safeParse(HostConfig).data ?? {};
  return { Config, HostConfig: { ...host, ...changed } };
}
