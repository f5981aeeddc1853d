import type { PlugSysctl } from '../../dataplane/links.ts';
import { isInterfaceName } from '../../dataplane/names.ts';
import { FairleadError } from '../../lib/errors.ts';
import { checkDnsPolicy } from './dns-policy.ts';

const prefix = 'com.docker.network.';
const keys = {
  name: `${prefix}endpoint.ifname`,
  sysctls: `${prefix}endpoint.sysctls`,
} as const;

type Options = Readonly<Record<string, string>>;

/** What a sandbox's interface is to be like, beside what its network says. */
export interface InterfaceOptions {
  readonly name?: string;
  readonly sysctls?: readonly PlugSysctl[];
}

/** Before anything is made. @throws invalid for an option that means nothing, or with a value that cannot be */
export function checkEndpointOptions(settings: { readonly driverOptions?: Options }): void {
  checkDnsPolicy(settings);
  refuseUnknownOptions(settings.driverOptions ?? {}, Object.values(keys));
  interfaceOptions(settings);
}

/** @throws invalid */
export function interfaceOptions({
  driverOptions = {},
}: {
  readonly driverOptions?: Options;
}): InterfaceOptions {
  const { [keys.name]: name, [keys.sysctls]: sysctls } = driverOptions;
  if (name && (!isInterfaceName(name) || name === 'lo'))
    throw new FairleadError(
      'invalid',
      `invalid value for ${keys.name}: "${name}" cannot be an interface's name`,
    );
  return { ...(name ? { name } : {}), ...(sysctls ? { sysctls: sysctls.split(',').map(parseSysctl) } : {}) };
}

/** In lower case as well: Docker's command line writes it so. @throws invalid, in the Engine's words */
function parseSysctl(text: string): PlugSysctl {
  const [, family = '', table = '', name = '', value] =
    /^net\.(ipv4|ipv6|mpls)\.([a-z0-9_]+)\.(?:IFNAME|ifname)\.([a-z0-9_]+)(?:=([^\s,]+))?$/.exec(text) ?? [];
  if (name === '')
    throw new FairleadError(
      'invalid',
      `invalid endpoint settings:\nunrecognised network interface sysctl '${text}'; represent ` +
        "'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'",
    );
  if (value === undefined)
    throw new FairleadError('invalid', `expected sysctl '${text}' to have format name=value`);
  return { family, table, name, value };
}

/**
 * The Engine takes any option and does nothing with those that it does not know; among them may be one that was to
 * shut something in. Other names are a plugin's, or people's own. @throws invalid
 */
export function refuseUnknownOptions(options: Options, known: readonly string[]): void {
  const unknown = Object.keys(options).find((key) => key.startsWith(prefix) && !known.includes(key));
  if (unknown === undefined) return;
  throw new FairleadError('invalid', `unknown option ${unknown}, known are ${[...known].sort().join(', ')}`);
}
