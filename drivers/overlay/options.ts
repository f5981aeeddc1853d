import { refuseUnknownOptions } from '../../src/cluster/endpoints/options.ts';
import type { Network } from '../../src/cluster/records.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import {
  allowsSpoofing,
  familyKeys,
  interfacePrefixKey,
  mtuKey,
  parseBool,
  parseInterfacePrefix,
  parseMtu,
} from '../option-values.ts';

/** The Engine's option names. */
const keys = {
  vnis: 'com.docker.network.driver.overlay.vxlanid_list',
  encrypted: 'encrypted',
} as const;

/** A VNI has 24 bits, and 0 is left out: some switches take it for none (RFC 7348 section 5). */
const largestVni = 0xff_ffff;

/** Of a network about to be created. @throws invalid */
export function checkOptions(options: Network['options']): void {
  refuseUnknownOptions(options, [keys.vnis, ...familyKeys, mtuKey, interfacePrefixKey]);
  parseInterfacePrefix(options);
  wantedMtu(options);
  wantedVni(options);
  isEncrypted(options);
  allowsSpoofing(options);
}

/** `--opt encrypted` without a value means yes. @throws invalid */
export function isEncrypted(options: Network['options']): boolean {
  if (!(keys.encrypted in options)) return false;
  return parseBool(keys.encrypted, options[keys.encrypted]) ?? true;
}

/** Bytes; undefined: what the underlay leaves. @throws invalid */
export function wantedMtu(options: Network['options']): number | undefined {
  return parseMtu(options[mtuKey]);
}

/** The option is a list because the Engine has one identifier per subnet; here a network has one. @throws invalid */
export function wantedVni(options: Network['options']): number | undefined {
  const text = options[keys.vnis];
  if (!text) return undefined;
  const vni = /^\d{1,8}$/.test(text) ? Number(text) : 0;
  if (vni >= 1 && vni <= largestVni) return vni;
  throw new FairleadError(
    'invalid',
    `invalid value for ${keys.vnis}: "${text}": expected one VXLAN id from 1 to ${largestVni}`,
  );
}
