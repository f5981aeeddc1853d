import * as z from 'zod';
import { parseLink } from '../../../cluster/endpoints/links.ts';
import type { Container, ContainerSpec, NetworkMode } from '../../../container/container.ts';
import type { HealthReport } from '../../../container/health/health-check.ts';
import { linkedPlace } from '../../../container/linked.ts';
import type { Runtime } from '../../../container/runtime.ts';
import type { Volumes } from '../../../container/volumes.ts';
import type { Containers } from '../../../network/model.ts';
import { type ApiVersion, isBefore } from '../../http/version.ts';
import { imageId } from '../images/image-name.ts';
import { mountShapes } from '../isolation/mount-shape.ts';
import { healthShape } from './create/healthcheck.ts';
import { logConfig } from './create/log-config.ts';
import { hostConfigDefaults, withoutUnset } from './host-config.ts';
import { endpointsShape, type NetworkIndex } from './networks.ts';
import { portBindings, portsShape } from './port-bindings.ts';

export interface ShapeDeps {
  readonly containers: Pick<Containers, 'runtime' | 'health'>;
  readonly volumes: Volumes;
}

/** GET /containers/REF/json, members in the Engine's order. */
export function inspectShape(
  container: Container,
  { containers, volumes }: ShapeDeps,
  find: NetworkIndex,
  version: ApiVersion,
  withSize = false,
): Record<string, unknown> {
  const { id, spec } = container;
  const [path = '', ...args] = spec.command;
  return {
    Id: id,
    Created: container.created,
    Path: path,
    Args: args,
    State: stateShape(container, containers.health(id)),
    Image: imageId(spec.image),
    ResolvConfPath: '',
    HostnamePath: '',
    HostsPath: '',
    LogPath: '',
    Name: `/${container.name}`,
    RestartCount: container.supervision?.restarts ?? 0,
    Driver: 'fairlead',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfigShape(container, containers.runtime),
    GraphDriver: { Name: 'fairlead', Data: null },
    // Files are the host's.
    ...(withSize && { SizeRw: 0, SizeRootFs: 0 }),
    Mounts: mountShapes(container, volumes),
    Config: configShape(container, version),
    NetworkSettings: networkSettingsShape(container, containers.runtime, find, version),
  };
}

function stateShape(container: Container, report: HealthReport): Record<string, unknown> {
  const { state, supervision } = container;
  const running = state.status === 'running';
  const restarting = !running && (supervision?.restarting ?? false);
  return {
    Status: restarting ? 'restarting' : state.status,
    // The Engine reports both for a container that is about to be restarted.
    Running: running || restarting,
    Paused: false,
    Restarting: restarting,
    OOMKilled: false,
    Dead: false,
    Pid: running ? state.pid : 0,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...healthShape(container, report),
  };
}

const kept = z.object({
  Config: z.record(z.string(), z.unknown()).catch({}),
  HostConfig: z.record(z.string(), z.unknown()).catch({}),
});

function configShape({ id, spec }: Container, version: ApiVersion): Record<string, unknown> {
  const { MacAddress, OnBuild = null, ...given } = kept.parse({ ...spec.extras }).Config;
  // Until 1.51 the first network's is shown as the container's, too.
  const mac = MacAddress ?? spec.attachments[0]?.mac;
  const isOld = isBefore(version, '1.52');
  const ports = Object.fromEntries(
    spec.exposedPorts.map(({ port, protocol }) => [`${port}/${protocol}`, {}]),
  );
  return {
    Hostname: spec.hostname || id.slice(0, 12),
    Domainname: spec.domainname,
    User: spec.user,
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    ...(spec.exposedPorts.length > 0 && { ExposedPorts: ports }),
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    StdinOnce: false,
    Env: spec.env,
    Cmd: spec.command.length === 0 ? null : spec.command,
    Image: spec.image,
    WorkingDir: spec.workingDir,
    Entrypoint: null,
    ...((isOld || OnBuild !== null) && { OnBuild }),
    ...(isOld && mac !== undefined && { MacAddress: mac }),
    ...given,
    ...own(spec, id),
    Volumes: isEmpty(given.Volumes) ? null : given.Volumes,
  };
}

function isEmpty(volumes: unknown): boolean {
  return Object.keys(z.record(z.string(), z.unknown()).catch({}).parse(volumes)).length === 0;
}

/** What the record decides, whatever was sent. */
function own(spec: ContainerSpec, id: string): Record<string, unknown> {
  const [service, ...more] = spec.publishServices;
  return {
    Hostname: spec.hostname || id.slice(0, 12),
    Env: spec.env,
    Labels: spec.labels,
    ...(service !== undefined && { PublishService: more.length === 0 ? service : spec.publishServices }),
  };
}

/** As a create sent it and updates have changed it. The Engine's default for the swap is as much again as the memory. */
export function sentHostConfig({ spec }: Container): Record<string, unknown> {
  const sent = kept.parse({ ...spec.extras }).HostConfig;
  const { Memory, MemorySwap } = sent;
  const isLimited = typeof Memory === 'number' && Memory > 0 && !MemorySwap;
  return isLimited ? { ...sent, MemorySwap: 2 * Memory } : sent;
}

function hostConfigShape(container: Container, runtime: Runtime): Record<string, unknown> {
  const { spec } = container;
  const given = sentHostConfig(container);
  return {
    ...hostConfigDefaults,
    ...withoutUnset(given),
    LogConfig: logConfigShape(given),
    RestartPolicy: restartShape(spec),
    Links: linksShape(container, runtime),
    PortBindings: portBindings.safeParse(given.PortBindings).data ?? {},
    NetworkMode: networkModeText(spec.networkMode),
    AutoRemove: spec.autoRemove,
    Dns: spec.dns,
    DnsOptions: spec.dnsOptions,
    DnsSearch: spec.dnsSearch,
    ExtraHosts: spec.extraHosts.length === 0 ? null : spec.extraHosts,
  };
}

/** The default driver's name where only its options were given. */
function logConfigShape(given: Readonly<Record<string, unknown>>): z.infer<typeof logConfig> {
  const { Type, Config } = logConfig.parse(given.LogConfig);
  return { Type: Type || 'json-file', Config };
}

/** `/CHILD:/PARENT/ALIAS`, as the Engine shows links of the default network. */
function linksShape(container: Container, runtime: Runtime): readonly string[] | null {
  const links = (linkedPlace(container)?.links ?? []).map(parseLink);
  const nameOf = (ref: string) => runtime.list().find(({ id }) => id.startsWith(ref))?.name ?? ref;
  const shown = links.map(({ target, alias }) => `/${nameOf(target)}:/${container.name}/${alias}`);
  return shown.length === 0 ? null : shown;
}

function restartShape({ restart }: ContainerSpec): Record<string, unknown> {
  return { Name: restart?.name ?? 'no', MaximumRetryCount: restart?.maximumRetries ?? 0 };
}

export function networkModeText(mode: NetworkMode): string {
  if (mode.kind === 'network') return mode.network;
  return mode.kind === 'container' ? `container:${mode.containerId}` : mode.kind;
}

function networkSettingsShape(
  container: Container,
  runtime: Runtime,
  find: NetworkIndex,
  version: ApiVersion,
): Record<string, unknown> {
  const running = container.state.status === 'running';
  const networks = endpointsShape(container, find, version);
  const sandbox = running ? runtime.sandboxOf(container.id) : '';
  const own = {
    SandboxID: sandbox,
    SandboxKey: sandbox && runtime.kind === 'sandbox' ? `/var/run/netns/${sandbox}` : '',
    Ports: portsShape(container),
  };
  if (!isBefore(version, '1.52')) return { ...own, Networks: networks };
  const flat = running ? flatEndpoint(container, networks, find) : undefined;
  return { Bridge: '', ...own, ...flatShape(flat), Networks: networks };
}

/** Of the default network; on others they say nothing. Gone from 1.52 on. */
function flatShape(flat: Record<string, unknown> | undefined): Record<string, unknown> {
  return {
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: flat?.EndpointID ?? '',
    Gateway: flat?.Gateway ?? '',
    GlobalIPv6Address: flat?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: flat?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: flat?.IPAddress ?? '',
    IPPrefixLen: flat?.IPPrefixLen ?? 0,
    IPv6Gateway: flat?.IPv6Gateway ?? '',
    MacAddress: flat?.MacAddress ?? '',
  };
}

/** The flat members are the default network's; of a container that publishes a service, the service's, as in 2015. */
function flatEndpoint(
  { spec }: Container,
  networks: Readonly<Record<string, Record<string, unknown>>>,
  find: NetworkIndex,
): Record<string, unknown> | undefined {
  const onDefault = networks[find('default')?.name ?? ''] ?? networks.bridge;
  return onDefault ?? (spec.publishServices.length > 0 ? Object.values(networks)[0] : undefined);
}
