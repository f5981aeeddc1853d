import * as z from 'zod';
import { isKind } from '../../lib/errors.ts';
import type { EngineNetwork, EngineNetworkSpec, EnginePlace } from '../host-engine.ts';
import type { EngineConnection } from './connection.ts';
import { endpointConfig } from './create-body.ts';
import { textMap } from './inspected.ts';

const networkAnswer = z.object({
  Id: z.string(),
  Name: z.string(),
  Created: z.string(),
  Scope: z.string(),
  Driver: z.string(),
  EnableIPv6: z.boolean().nullish(),
  Internal: z.boolean().nullish(),
  Attachable: z.boolean().nullish(),
  IPAM: z.object({
    Driver: z.string().nullish(),
    Config: z
      .array(
        z.object({
          Subnet: z.string().nullish(),
          Gateway: z.string().nullish(),
          IPRange: z.string().nullish(),
        }),
      )
      .nullish(),
  }),
  Options: textMap,
  Labels: textMap,
});

export async function listNetworks(connection: EngineConnection): Promise<readonly EngineNetwork[]> {
  const answer = await connection.ask(z.array(networkAnswer), (docker) => docker.listNetworks());
  return answer.map((network) => ({
    id: network.Id,
    name: network.Name,
    driver: network.Driver,
    scope: network.Scope,
    created: network.Created,
    internal: network.Internal ?? false,
    attachable: network.Attachable ?? false,
    ipv6: network.EnableIPv6 ?? false,
    ipamDriver: network.IPAM.Driver ?? 'default',
    pools: (network.IPAM.Config ?? []).flatMap(({ Subnet, Gateway, IPRange }) =>
      Subnet
        ? [
            {
              subnet: Subnet,
              ...(Gateway ? { gateway: bare(Gateway) } : {}),
              ...(IPRange ? { ipRange: IPRange } : {}),
            },
          ]
        : [],
    ),
    options: network.Options,
    labels: network.Labels,
  }));
}

const infoAnswer = z.object({ Swarm: z.object({ LocalNodeState: z.string().nullish() }).nullish() });

export async function isInSwarm(connection: EngineConnection): Promise<boolean> {
  const { Swarm } = await connection.ask(infoAnswer, (docker) => docker.info());
  return !['', 'inactive', undefined, null].includes(Swarm?.LocalNodeState);
}

export async function createNetwork(connection: EngineConnection, spec: EngineNetworkSpec): Promise<string> {
  const body = {
    Name: spec.name,
    CheckDuplicate: true,
    Driver: spec.driver,
    Internal: spec.internal,
    Attachable: spec.attachable,
    EnableIPv6: spec.ipv6,
    IPAM: {
      Driver: spec.ipam.driver,
      Options: { ...spec.ipam.options },
      Config: spec.ipam.pools.map(({ subnet, gateway }) => ({ Subnet: subnet, Gateway: gateway })),
    },
    Options: { ...spec.options },
    Labels: { ...spec.labels },
  };
  const created = await connection.ask(z.object({ id: z.string() }), (docker) => docker.createNetwork(body));
  return created.id;
}

export async function removeNetwork(connection: EngineConnection, id: string): Promise<void> {
  await unlessGone(() => connection.do((docker) => docker.getNetwork(id).remove()));
}

export async function connect(
  connection: EngineConnection,
  networkId: string,
  containerId: string,
  place: EnginePlace,
): Promise<void> {
  const body = { Container: containerId, EndpointConfig: endpointConfig(place) };
  await connection.do((docker) => docker.getNetwork(networkId).connect(body));
}

export async function disconnect(
  connection: EngineConnection,
  networkId: string,
  containerId: string,
): Promise<void> {
  const body = { Container: containerId, Force: false };
  try {
    await connection.do((docker) => docker.getNetwork(networkId).disconnect(body));
  } catch (error) {
    // The Engine's words for what is done already (docker-facts 5.3).
    if (isKind(error, 'not-found') || /is not connected to/.test(String(error))) return;
    throw error;
  }
}

/** @returns undefined for what is not there */
export async function unlessGone<T>(step: () => Promise<T>): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    if (!isKind(error, 'not-found')) throw error;
  }
}

/** Some Engines write the gateway with its prefix length. */
function bare(address: string): string {
  return address.replace(/\/.*$/, '');
}
