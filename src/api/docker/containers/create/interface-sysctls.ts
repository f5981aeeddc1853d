import { FairleadError } from '../../../../lib/errors.ts';
import { type ApiVersion, isBefore } from '../../../http/version.ts';
import type { CreateRequest } from './create.ts';

const option = 'com.docker.network.endpoint.sysctls';

type Endpoints = CreateRequest['NetworkingConfig']['EndpointsConfig'];

/** `net.FAMILY.TABLE.ethN.REST`, and REST may have dots. */
interface Setting {
  readonly name: string;
  readonly device: string;
  /** As an endpoint's option has it. */
  readonly text: string;
}

/**
 * Moves settings of the interface eth0 from the container to its first network's endpoint: those of a container are
 * written before it has interfaces. As Engine 28.5 does until API 1.47 (`handleSysctlBC`).
 * @throws invalid, in the Engine's words: of another interface, or in a later version
 */
export function migrateSysctls(
  body: CreateRequest,
  mode: string,
  version: ApiVersion,
): { readonly body: CreateRequest; readonly warnings: readonly string[] } {
  const { HostConfig, NetworkingConfig } = body;
  const hasOwn = mode !== 'host' && !mode.startsWith('container:');
  const moved = hasOwn ? settingsOf(HostConfig.Sysctls) : [];
  if (moved.length === 0) return { body, warnings: [] };
  refuseUnmovable(moved, version);
  const names = moved.map(({ name }) => name);
  const text = moved.map((setting) => setting.text).join(',');
  const Sysctls = Object.fromEntries(
    Object.entries(HostConfig.Sysctls).filter(([name]) => !names.includes(name)),
  );
  const EndpointsConfig = withOption(NetworkingConfig.EndpointsConfig, mode, version, text);
  return {
    body: {
      ...body,
      HostConfig: { ...HostConfig, Sysctls },
      NetworkingConfig: { ...NetworkingConfig, EndpointsConfig },
    },
    warnings: [`Migrated sysctl "${names.join(',')}" to DriverOpts{"${option}":"${text}"}.`],
  };
}

function settingsOf(sysctls: Readonly<Record<string, string>>): readonly Setting[] {
  return Object.entries(sysctls).flatMap(([name, value]) => {
    const [net, family, table, device = '', ...rest] = name.replaceAll('/', '.').split('.');
    if (net !== 'net' || !device.startsWith('eth') || rest.length === 0) return [];
    return [{ name, device, text: `net.${family}.${table}.IFNAME.${rest.join('.')}=${value}` }];
  });
}

function refuseUnmovable(settings: readonly Setting[], version: ApiVersion): void {
  const [first] = settings;
  if (first && !isBefore(version, '1.48')) {
    throw new FairleadError(
      'invalid',
      `interface specific sysctl setting "${first.name}" must be supplied using driver option '${option}'`,
    );
  }
  const other = settings.find(({ device }) => device !== 'eth0');
  if (!other) return;
  throw new FairleadError(
    'invalid',
    `unable to determine network endpoint for sysctl ${other.name}, use driver option '${option}' to set ` +
      'per-interface sysctls',
  );
}

/** What the endpoint says itself comes last, and wins. */
function withOption(endpoints: Endpoints, mode: string, version: ApiVersion, text: string): Endpoints {
  const key = endpointOf(endpoints, mode, version);
  const endpoint = endpoints[key] ?? blank;
  const { [option]: own, ...others } = endpoint.DriverOpts;
  const DriverOpts = { ...others, [option]: own === undefined ? text : `${text},${own}` };
  return { ...endpoints, [key]: { ...endpoint, DriverOpts } };
}

const blank: Endpoints[string] = {
  IPAMConfig: { IPv4Address: '', IPv6Address: '', LinkLocalIPs: [] },
  ...{ Links: [], Aliases: [], MacAddress: '', DriverOpts: {}, GwPriority: 0 },
};

/** @throws invalid, in the Engine's words */
function endpointOf(endpoints: Endpoints, mode: string, version: ApiVersion): string {
  const [only, ...more] = Object.keys(endpoints);
  if (only === undefined || Object.hasOwn(endpoints, mode)) return mode;
  if (more.length === 0 && isBefore(version, '1.44')) return only;
  throw new FairleadError(
    'invalid',
    'HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks',
  );
}
