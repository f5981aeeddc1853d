import { FairleadError } from '../../lib/errors.ts';
import { parseBool } from '../../lib/go-bool.ts';
import type { NetworkSpec } from '../model.ts';

const keys = { ipv4: 'com.docker.network.enable_ipv4', ipv6: 'com.docker.network.enable_ipv6' } as const;

/**
 * The spec with the families that its options switch on or off, as `--opt com.docker.network.enable_ipv6=true` does. Who says it
 * by a flag as well means the flag, and then the record has no such option. @throws invalid, in the Engine's words
 */
export function withFamilies(spec: NetworkSpec): NetworkSpec {
  const { [keys.ipv4]: ipv4, [keys.ipv6]: ipv6, ...others } = spec.options ?? {};
  if (ipv4 === undefined && ipv6 === undefined) return spec;
  return {
    ...spec,
    options: {
      ...others,
      ...(ipv4 !== undefined && spec.ipv4 === undefined ? { [keys.ipv4]: ipv4 } : {}),
      ...(ipv6 !== undefined && spec.ipv6 === undefined ? { [keys.ipv6]: ipv6 } : {}),
    },
    ...familyOf('ipv4', spec.ipv4, ipv4),
    ...familyOf('ipv6', spec.ipv6, ipv6),
  };
}

function familyOf(family: 'ipv4' | 'ipv6', flag: boolean | undefined, text: string | undefined) {
  if (flag !== undefined) return { [family]: flag };
  return text === undefined ? {} : { [family]: parse(keys[family], text) };
}

function parse(key: string, text: string): boolean {
  const flag = parseBool(text);
  if (flag !== undefined) return flag;
  throw new FairleadError('invalid', `driver-opt "${key}" is not a valid bool`);
}
