import { isInterfaceName } from '../src/dataplane/names.ts';
import { FairleadError } from '../src/lib/errors.ts';

/** Values of driver options, parsed and refused as the Engine does it. */

export const mtuKey = 'com.docker.network.driver.mtu';

/** In place of `--ipv4` and `--ipv6`: src/network/networks/families.ts has taken them. */
export const familyKeys = ['com.docker.network.enable_ipv4', 'com.docker.network.enable_ipv6'] as const;

/** Bytes; undefined: the driver's default. @throws invalid */
export function parseMtu(text: string | undefined): number | undefined {
  if (!text) return undefined;
  if (!/^[+-]?\d+$/.test(text))
    throw unparsable(mtuKey, text, `strconv.Atoi: parsing "${text}": invalid syntax`);
  const mtu = Number(text);
  // 68 is the least that IPv4 may have (RFC 791), 65535 the most that a bridge takes; 0 is the default.
  if (mtu === 0) return undefined;
  if (mtu < 68 || mtu > 65535) throw new FairleadError('invalid', `invalid MTU number: ${mtu}`);
  return mtu;
}

export const interfacePrefixKey = 'com.docker.network.container_iface_prefix';

/** What containers' interfaces are called: `eth` for `eth0`. @throws invalid */
export function parseInterfacePrefix(options: Readonly<Record<string, string>>): string {
  const text = options[interfacePrefixKey];
  if (!text) return 'eth';
  // A container may have more than ten networks: names with two digits have to fit.
  if (isInterfaceName(`${text}00`)) return text;
  throw new FairleadError('invalid', `"${text}" cannot begin an interface name (${interfacePrefixKey})`);
}

/** The spellings of Go's strconv.ParseBool. */
const bools: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

/** Undefined when it is not given, or empty. @throws invalid */
export function parseBool(key: string, text: string | undefined): boolean | undefined {
  if (!text) return undefined;
  const value = Object.hasOwn(bools, text) ? bools[text] : undefined;
  if (value === undefined)
    throw unparsable(key, text, `strconv.ParseBool: parsing "${text}": invalid syntax`);
  return value;
}

const spoofingKey = 'fairlead.spoofing';

/**
 * Whether containers may send from MACs and addresses that are not their own, as a router or a holder of virtual addresses
 * (keepalived) does. The Engine has no such option, for it never looks. @throws invalid
 */
export function allowsSpoofing(options: Readonly<Record<string, string>>): boolean {
  const text = options[spoofingKey];
  if (text === undefined || text === 'deny') return false;
  if (text === 'allow') return true;
  throw new FairleadError('invalid', `invalid value for ${spoofingKey}: "${text}": expected allow or deny`);
}

export function unparsable(key: string, text: string, why: string): FairleadError {
  return new FairleadError('invalid', `failed to parse ${key} value: ${text} (${why})`);
}
