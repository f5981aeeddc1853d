import { isMac } from '../../../../lib/addresses.ts';
import { Failure } from '../../../failure.ts';
import { keyValues } from '../../../flags/values.ts';
import type { CreateValues } from './flags.ts';

interface NetworkFlag {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
  readonly mac?: string;
  readonly priority?: number;
  readonly options?: Readonly<Record<string, string>>;
  readonly linkLocal?: readonly string[];
}

interface Networks {
  readonly mode: string;
  readonly endpoints: Endpoints;
  /** The links of the first network's endpoint. */
  readonly links: readonly string[];
}

type Endpoints = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * `--network NAME` or `--network name=NAME,alias=…,ip=…`, several times; `--ip`, `--network-alias` and the like
 * belong to the first one.
 */
export function networksOf(flags: CreateValues): Networks {
  const networks = flags.network.map(parseNetwork);
  const [first] = networks;
  const mode = first?.name ?? 'default';
  const settings = networks.map(
    (network, index) => [network.name, settingsOf(network, index === 0, flags)] as const,
  );
  if (!first) settings.push([mode, settingsOf({ name: mode, aliases: [] }, true, flags)]);
  // Without anything to say the Engine gets none, as from Docker's CLI (docker-facts 6.4).
  const described = settings.filter(([, values]) => networks.length > 1 || Object.keys(values).length > 0);
  return { mode, endpoints: Object.fromEntries(described), links: linksOn(first, flags) };
}

/** As with Docker's CLI: the default network's links are the container's, every other's the endpoint's. */
function linksOn(network: NetworkFlag | undefined, { link }: CreateValues): readonly string[] {
  const mode = network?.name ?? 'default';
  return ['default', 'bridge', 'host', 'none'].includes(mode) || mode.startsWith('container:') ? [] : link;
}

function settingsOf(network: NetworkFlag, isFirst: boolean, flags: CreateValues): Record<string, unknown> {
  const links = isFirst ? linksOn(network, flags) : [];
  const general = isFirst ? generalSettings(flags) : { aliases: [] };
  if (network.aliases.length > 0 && general.aliases.length > 0) {
    throw new Failure('conflicting options: cannot specify both --network-alias and per-network alias', 125);
  }
  const {
    aliases,
    ip,
    ip6,
    mac,
    priority,
    linkLocal = [],
    options,
  } = {
    ...general,
    ...network,
    aliases: [...network.aliases, ...general.aliases],
  };
  const ipam = {
    ...(ip ? { IPv4Address: ip } : {}),
    ...(ip6 ? { IPv6Address: ip6 } : {}),
    ...(linkLocal.length > 0 ? { LinkLocalIPs: linkLocal } : {}),
  };
  return {
    ...(links.length > 0 ? { Links: links } : {}),
    ...(aliases.length > 0 ? { Aliases: aliases } : {}),
    ...(Object.keys(ipam).length > 0 ? { IPAMConfig: ipam } : {}),
    ...(mac ? { MacAddress: mac } : {}),
    ...(priority === undefined ? {} : { GwPriority: priority }),
    ...(options ? { DriverOpts: options } : {}),
  };
}

function generalSettings(flags: CreateValues): Omit<NetworkFlag, 'name'> {
  const mac = flags['mac-address'];
  if (mac && !isMac(mac)) throw new Failure(`${mac} is not a valid mac address`, 125);
  return {
    ...{ aliases: flags['network-alias'], ip: flags.ip, ip6: flags.ip6, mac },
    linkLocal: flags['link-local-ip'],
  };
}

function parseNetwork(text: string): NetworkFlag {
  if (!/(^|,)name=/.test(text)) return { name: text, aliases: [] };
  // A field that holds a comma is quoted, as in Docker's command line (CSV).
  const fields = text.match(/"[^"]*"|[^,]+/g) ?? [];
  const pairs = fields
    .map((field) => field.replaceAll('"', ''))
    .map((pair) => pair.split(/=(.*)/s).slice(0, 2));
  const values = (key: string) => pairs.filter(([name]) => name === key).map(([, value = '']) => value);
  const unknown = pairs.find(([name = '']) => !known.has(name));
  if (unknown)
    throw new Failure(`invalid argument "${text}" for "--network" flag: invalid field ${unknown[0]}`, 125);
  const [priority] = values('gw-priority');
  const options = values('driver-opt');
  return {
    name: values('name')[0] ?? '',
    aliases: values('alias'),
    ...withValue('ip', values('ip')[0]),
    ...withValue('ip6', values('ip6')[0]),
    ...withValue('mac', values('mac-address')[0]),
    ...(priority === undefined ? {} : { priority: Number(priority) }),
    ...(options.length > 0 ? { options: keyValues('network', options) } : {}),
  };
}

const known = new Set(['name', 'alias', 'driver-opt', 'ip', 'ip6', 'mac-address', 'gw-priority']);

function withValue(key: 'ip' | 'ip6' | 'mac', value: string | undefined) {
  return value === undefined ? {} : { [key]: value };
}
