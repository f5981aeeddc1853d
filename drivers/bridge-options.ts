import type { Network } from '../src/cluster/records.ts';
import { bridgeName, isInterfaceName } from '../src/dataplane/names.ts';
import { familyOf, isAddress } from '../src/lib/addresses.ts';
import { FairleadError } from '../src/lib/errors.ts';
import { allowsSpoofing, mtuKey, parseBool, parseMtu, unparsable } from './option-values.ts';

/** What the Engine's bridge driver takes; options it does not know are kept and mean nothing. */
export interface BridgeOptions {
  /** Bytes. */
  readonly mtu: number;
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** Where published ports listen when they name no address. */
  readonly hostBinding: string;
  /** Containers may send from any MAC and address. */
  readonly anySource: boolean;
}

const prefix = 'com.docker.network';
const keys = {
  name: `${prefix}.bridge.name`,
  icc: `${prefix}.bridge.enable_icc`,
  masquerade: `${prefix}.bridge.enable_ip_masquerade`,
  hostBinding: `${prefix}.bridge.host_binding_ipv4`,
} as const;

/** @throws invalid, in the Engine's words where it has some */
export function parseBridgeOptions(options: Network['options']): BridgeOptions {
  checkName(options[keys.name]);
  return {
    mtu: parseMtu(options[mtuKey]) ?? 1500,
    icc: parseBool(keys.icc, options[keys.icc]) ?? true,
    masquerade: parseBool(keys.masquerade, options[keys.masquerade]) ?? true,
    hostBinding: parseHostBinding(options[keys.hostBinding]),
    anySource: allowsSpoofing(options),
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

function parseHostBinding(text: string | undefined): string {
  if (!text) return '0.0.0.0';
  if (!isAddress(text) || familyOf(text) !== 4) throw unparsable(keys.hostBinding, text, 'nil ip');
  return text;
}
