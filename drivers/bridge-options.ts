import { refuseUnknownOptions } from '../src/cluster/endpoints/options.ts';
import type { Network } from '../src/cluster/records.ts';
import { bridgeName, isInterfaceName } from '../src/dataplane/names.ts';
import { familyOf, isAddress } from '../src/lib/addresses.ts';
import { FairleadError } from '../src/lib/errors.ts';
import {
  allowsSpoofing,
  familyKeys,
  interfacePrefixKey,
  mtuKey,
  parseBool,
  parseInterfacePrefix,
  parseMtu,
  unparsable,
} from './option-values.ts';

/** How packets of a family get in and out: libnetwork's gateway modes. */
export const gatewayModes = ['nat', 'nat-unprotected', 'routed', 'isolated'] as const;
export type GatewayMode = (typeof gatewayModes)[number];

/** What the Engine's bridge driver takes. */
export interface BridgeOptions {
  /** Bytes. */
  readonly mtu: number;
  readonly icc: boolean;
  readonly masquerade: boolean;
  /** Where published ports listen when they name no address. */
  readonly hostBinding: string;
  /** Containers may send from any MAC and address. */
  readonly anySource: boolean;
  readonly gatewayMode4: GatewayMode;
  readonly gatewayMode6: GatewayMode;
  /** Interfaces of the host by which containers' published ports are reached at the containers' addresses. */
  readonly trusted: readonly string[];
  /** What containers' interfaces are called: `eth` for `eth0`. */
  readonly interfacePrefix: string;
}

const prefix = 'com.docker.network';
const keys = {
  name: `${prefix}.bridge.name`,
  icc: `${prefix}.bridge.enable_icc`,
  masquerade: `${prefix}.bridge.enable_ip_masquerade`,
  hostBinding: `${prefix}.bridge.host_binding_ipv4`,
  gatewayMode4: `${prefix}.bridge.gateway_mode_ipv4`,
  gatewayMode6: `${prefix}.bridge.gateway_mode_ipv6`,
  trusted: `${prefix}.bridge.trusted_host_interfaces`,
} as const;

/**
 * Of a network about to be created; what older records hold is taken as it is. @throws invalid, in the Engine's words
 * where it has some
 */
export function checkBridgeOptions({ options, internal }: Pick<Network, 'options' | 'internal'>): void {
  refuseUnknownOptions(options, [...Object.values(keys), ...familyKeys, mtuKey, interfacePrefixKey]);
  parseBridgeOptions(options);
  for (const key of [keys.gatewayMode4, keys.gatewayMode6]) checkGatewayMode(key, options[key], internal);
  const strange = namesIn(options[keys.trusted]).find((name) => !isInterfaceName(name));
  if (strange !== undefined)
    throw new FairleadError('invalid', `"${strange}" cannot be an interface name (${keys.trusted})`);
}

function checkGatewayMode(key: string, text: string | undefined, internal: boolean): void {
  if (text === undefined) return;
  if (!gatewayModes.some((mode) => mode === text))
    throw unparsable(key, text, `unknown gateway mode ${text}`);
  if (text === 'isolated' && !internal)
    throw new FairleadError('invalid', "gateway mode 'isolated' can only be used for an internal network");
}

/** @throws invalid, in the Engine's words where it has some */
export function parseBridgeOptions(options: Network['options']): BridgeOptions {
  checkName(options[keys.name]);
  return {
    mtu: parseMtu(options[mtuKey]) ?? 1500,
    icc: parseBool(keys.icc, options[keys.icc]) ?? true,
    masquerade: parseBool(keys.masquerade, options[keys.masquerade]) ?? true,
    hostBinding: parseHostBinding(options[keys.hostBinding]),
    anySource: allowsSpoofing(options),
    gatewayMode4: gatewayModeIn(options[keys.gatewayMode4]),
    gatewayMode6: gatewayModeIn(options[keys.gatewayMode6]),
    trusted: namesIn(options[keys.trusted]).filter(isInterfaceName),
    interfacePrefix: parseInterfacePrefix(options),
  };
}

function gatewayModeIn(text: string | undefined): GatewayMode {
  return gatewayModes.find((mode) => mode === text) ?? 'nat';
}

/** Interfaces' names hold no colon, and so it separates them. */
function namesIn(text = ''): readonly string[] {
  return text.split(':').filter((name) => name !== '');
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
