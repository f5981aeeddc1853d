import type { Network } from '../src/cluster/records.ts';
import { bridgeName, isInterfaceName } from '../src/dataplane/names.ts';
import { familyOf, isAddress } from '../src/lib/addresses.ts';
import { FairleadError } from '../src/lib/errors.ts';

/** What the Engine's bridge driver takes; options it does not know are kept and mean nothing. */
export interface BridgeOptions {
  /** Bytes. */
  readonly mtu: number;
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** Where published ports listen when they name no address. */
  readonly hostBinding: string;
}

const prefix = 'com.docker.network';
const keys = {
  name: `${prefix}.bridge.name`,
  icc: `${prefix}.bridge.enable_icc`,
  masquerade: `${prefix}.bridge.enable_ip_masquerade`,
  hostBinding: `${prefix}.bridge.host_binding_ipv4`,
  mtu: `${prefix}.driver.mtu`,
} as const;

/** @throws invalid, in the Engine's words where it has some */
export function parseBridgeOptions(options: Network['options']): BridgeOptions {
  checkName(options[keys.name]);
  return {
    mtu: parseMtu(options[keys.mtu]),
    icc: parseBool(keys.icc, options[keys.icc]),
    masquerade: parseBool(keys.masquerade, options[keys.masquerade]),
    hostBinding: parseHostBinding(options[keys.hostBinding]),
  };
}

/** The bridge interface's name: the user's choice, else made of the node's tag and the network's id. */
export function bridgeOf(tag: string, network: Pick<Network, 'id' | 'options'>): string {
  return network.options[keys.name] || bridgeName(tag, network.id);
}

function checkName(name: string | undefined): void {
  if (!name || isInterfaceName(name)) return;
  const engine =
    name.length > 15
      ? 'failed to check bridge interface existence: numerical result out of range'
      : 'invalid argument';
  throw new FairleadError('invalid', `${engine}: "${name}" cannot be an interface name (${keys.name})`);
}

function parseMtu(text: string | undefined): number {
  if (!text) return 1500;
  if (!/^[+-]?\d+$/.test(text))
    throw unparsable(keys.mtu, text, `strconv.Atoi: parsing "${text}": invalid syntax`);
  const mtu = Number(text);
  // 68 is the least that IPv4 may have (RFC 791), 65535 the most that a bridge takes; 0 is the default.
  if (mtu === 0) return 1500;
  if (mtu < 68 || mtu > 65535) throw new FairleadError('invalid', `invalid MTU number: ${mtu}`);
  return mtu;
}

/** The spellings of Go's strconv.ParseBool. */
const bools: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [text, false] as const),
]);

function parseBool(key: string, text: string | undefined): boolean {
  if (!text) return true;
  const value = Object.hasOwn(bools, text) ? bools[text] : undefined;
  if (value === undefined)
    throw unparsable(key, text, `strconv.ParseBool: parsing "${text}": invalid syntax`);
  return value;
}

function parseHostBinding(text: string | undefined): string {
  if (!text) return '0.0.0.0';
  if (!isAddress(text) || familyOf(text) !== 4) throw unparsable(keys.hostBinding, text, 'nil ip');
  return text;
}

function unparsable(key: string, text: string, why: string): FairleadError {
  return new FairleadError('invalid', `failed to parse ${key} value: ${text} (${why})`);
}
