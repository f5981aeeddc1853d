import { parseMac } from '../../../../lib/addresses.ts';
import { FairleadError } from '../../../../lib/errors.ts';
import { type ApiVersion, isBefore } from '../../../http/version.ts';
import type { CreateRequest } from './create.ts';

/** What the Engine warns of, by version. */
export function versionWarnings(
  { HostConfig, MacAddress }: CreateRequest,
  mode: string,
  version: ApiVersion,
): string[] {
  const ports = Object.keys(HostConfig.PortBindings);
  return [
    ...(mode === 'host' && ports.length > 0
      ? ['Published ports are discarded when using host network mode']
      : []),
    ...(MacAddress && !isBefore(version, '1.44') ? [oldMac] : []),
  ];
}

const oldMac =
  'The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.';

/** Since 1.44 a MAC address is an endpoint's. @throws invalid, in the Engine's words */
export function refuseContainerMac(
  { MacAddress, NetworkingConfig }: CreateRequest,
  mode: string,
  version: ApiVersion,
): void {
  if (!MacAddress || isBefore(version, '1.44')) return;
  if (!isBefore(version, '1.52')) {
    const instead = 'use endpoint-specific MAC address instead';
    throw new FairleadError('invalid', `container-wide MAC address no longer supported; ${instead}`);
  }
  const own = NetworkingConfig.EndpointsConfig[mode]?.MacAddress;
  if (!own || parseMac(own) === parseMac(MacAddress)) return;
  const place = 'the endpoint-specific MAC address for the main network';
  throw new FairleadError('invalid', `the container-wide MAC address must match ${place}, or be left empty`);
}
