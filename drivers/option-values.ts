import { FairleadError } from '../src/lib/errors.ts';

/** Values of driver options, parsed and refused as the Engine does it. */

export const mtuKey = 'com.docker.network.driver.mtu';

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

export const spoofingKey = 'fairlead.spoofing';

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
