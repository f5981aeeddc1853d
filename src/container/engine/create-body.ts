import type { ContainerSpec, NetworkMode, PublishRequest } from '../container.ts';
import type { EnginePlace } from '../host-engine.ts';

/** The body of POST /containers/create. `network`: where a place's network is known by this name at the Engine. */
export function createBody(spec: ContainerSpec, resolver: string, named: (ref: string) => string) {
  const ports = spec.publish?.ports ?? [];
  return {
    ...(spec.name === '' ? {} : { name: spec.name }),
    Image: spec.image,
    ...(spec.command.length > 0 ? { Cmd: [...spec.command] } : {}),
    Env: [...spec.env],
    WorkingDir: spec.workingDir,
    User: spec.user,
    Hostname: spec.hostname,
    Domainname: spec.domainname,
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    // Else the Engine takes the end of stdin for the end of the attachment, and what is written after it is lost.
    StdinOnce: spec.openStdin,
    Labels: { ...spec.labels },
    ExposedPorts: Object.fromEntries(
      [...spec.exposedPorts, ...ports].map(({ port, protocol }) => [`${port}/${protocol}`, {}]),
    ),
    HostConfig: {
      NetworkMode: modeOf(spec.networkMode, named),
      // Ours first; the container's own are asked by ours for what it does not know (docs/docker-engine.md).
      Dns: spec.dns.length > 0 ? [...spec.dns] : [resolver],
      DnsSearch: [...spec.dnsSearch],
      DnsOptions: [...spec.dnsOptions],
      ExtraHosts: [...spec.extraHosts],
      AutoRemove: spec.autoRemove,
      PublishAllPorts: spec.publish?.all ?? false,
      PortBindings: bindingsOf(ports),
      ...(spec.restart
        ? { RestartPolicy: { Name: spec.restart.name, MaximumRetryCount: spec.restart.maximumRetries } }
        : {}),
    },
    NetworkingConfig: { EndpointsConfig: firstPlace(spec, named) },
  };
}

function modeOf(mode: NetworkMode, named: (ref: string) => string): string {
  if (mode.kind === 'network') return named(mode.network);
  return mode.kind === 'container' ? `container:${mode.containerId}` : mode.kind;
}

/** Older Engines take one place at the creation; the others are connected after it. */
function firstPlace({ attachments, networkMode }: ContainerSpec, named: (ref: string) => string) {
  const [place] = attachments;
  if (!place || networkMode.kind !== 'network') return {};
  return { [named(place.network)]: endpointConfig(place) };
}

/** `EndpointSettings` of a create and of a connect. */
export function endpointConfig(place: EnginePlace) {
  const { aliases, ipv4, ipv6, mac, links, linkLocal, gatewayPriority, driverOptions } = place;
  return {
    Aliases: [...aliases],
    IPAMConfig: {
      ...(ipv4 ? { IPv4Address: ipv4 } : {}),
      ...(ipv6 ? { IPv6Address: ipv6 } : {}),
      ...(linkLocal ? { LinkLocalIPs: [...linkLocal] } : {}),
    },
    ...(mac ? { MacAddress: mac } : {}),
    ...(links ? { Links: [...links] } : {}),
    ...(gatewayPriority ? { GwPriority: gatewayPriority } : {}),
    ...(driverOptions ? { DriverOpts: { ...driverOptions } } : {}),
  };
}

function bindingsOf(ports: PublishRequest['ports']): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { port, protocol, address = '', range } of ports) {
    const hostPort =
      range === undefined ? '' : range.first === range.last ? range.first : `${range.first}-${range.last}`;
    const list = bindings[`${port}/${protocol}`] ?? [];
    bindings[`${port}/${protocol}`] = [...list, { HostIp: address, HostPort: String(hostPort) }];
  }
  return bindings;
}
