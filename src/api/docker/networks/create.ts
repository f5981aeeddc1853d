import * as z from 'zod';
import { FairleadError } from '../../../lib/errors.ts';
import type { NetworkSpec, PoolSpec } from '../../../network/model.ts';
import { go } from '../../go/json.ts';
import { type ApiVersion, isBefore } from '../../http/version.ts';

const poolConfig = go.object('network.IPAMConfig', {
  Subnet: go.text(),
  IPRange: go.text(),
  Gateway: go.text(),
  AuxiliaryAddresses: go.textMap(),
});

/** Body of POST /networks/create. */
export const networkCreate = go.object('types.NetworkCreateRequest', {
  Name: go.text(),
  Driver: go.text(),
  Scope: go.text(),
  EnableIPv4: z.boolean({ error: 'bool' }).nullish(),
  EnableIPv6: z.boolean({ error: 'bool' }).nullish(),
  IPAM: go.object('network.IPAM', {
    Driver: go.text(),
    Options: go.textMapOrNil(),
    Config: go.list(poolConfig, '[]network.IPAMConfig'),
  }),
  Internal: go.flag(),
  Attachable: go.flag(),
  Ingress: go.flag(),
  ConfigOnly: go.flag(),
  ConfigFrom: go.object('network.ConfigReference', { Network: go.text() }),
  Options: go.textMap(),
  Labels: go.freeMap(),
});

type Request = z.infer<typeof networkCreate>;

/** @throws forbidden */
export function parseNetworkCreate(request: Request, version: ApiVersion): NetworkSpec {
  if (request.Ingress) {
    throw new FairleadError('forbidden', 'Ingress network can only be global scope network');
  }
  const { IPAM } = request;
  return {
    name: request.Name,
    // Empty goes on as it is: then the default network decides, as --default-network did in 2015.
    driver: request.Driver,
    ...(request.Scope && { scope: request.Scope }),
    internal: request.Internal,
    attachable: request.Attachable,
    // Older versions of the API did not know the member.
    ...(typeof request.EnableIPv4 === 'boolean' &&
      !isBefore(version, '1.48') && { ipv4: request.EnableIPv4 }),
    ...(typeof request.EnableIPv6 === 'boolean' && { ipv6: request.EnableIPv6 }),
    ipam: {
      ...(IPAM.Driver && { driver: IPAM.Driver }),
      ...(IPAM.Options && { options: IPAM.Options }),
      config: IPAM.Config.map(parsePool),
    },
    options: request.Options,
    labels: request.Labels,
    ...(request.ConfigOnly && { configOnly: true }),
    ...(request.ConfigFrom.Network && { configFrom: request.ConfigFrom.Network }),
  };
}

function parsePool(pool: z.infer<typeof poolConfig>): PoolSpec {
  return {
    ...(pool.Subnet && { subnet: pool.Subnet }),
    ...(pool.IPRange && { ipRange: pool.IPRange }),
    ...(pool.Gateway && { gateway: pool.Gateway }),
    auxAddresses: pool.AuxiliaryAddresses,
  };
}
