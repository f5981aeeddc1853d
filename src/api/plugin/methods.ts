import * as z from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import type { Joined } from '../../network/plugin/endpoints.ts';
import type { EnginePlugin } from '../../network/plugin/plugin.ts';
import * as requests from './requests.ts';

/** `IpamDriver.RequestAddress` → what it does with the request, and what it answers. */
export type Methods = ReadonlyMap<string, (body: unknown) => Promise<object>>;

const gatewayType = 'com.docker.network.gateway';

/** Every call of the two protocols (docker-facts 4.2 and 4.4), in the order in which an Engine makes them. */
export function pluginMethods(plugin: EnginePlugin): Methods {
  const activate = method('Plugin.Activate', z.unknown(), async () => {
    plugin.activated();
    return { Implements: ['NetworkDriver', 'IpamDriver'] };
  });
  return new Map([
    activate,
    ...general,
    ...ipamMethods(plugin),
    ...networkMethods(plugin),
    ...endpointMethods(plugin),
  ]);
}

const general = [
  // The daemon makes each network known to its own Engine, so the scope is local to the Engine.
  fixed('NetworkDriver.GetCapabilities', {
    Scope: 'local',
    ConnectivityScope: 'global',
  }),
  fixed('IpamDriver.GetCapabilities', {
    RequiresMACAddress: false,
    RequiresRequestReplay: false,
  }),
  fixed('IpamDriver.GetDefaultAddressSpaces', {
    LocalDefaultAddressSpace: 'FairleadLocal',
    GlobalDefaultAddressSpace: 'FairleadGlobal',
  }),
  // Where it is, the containers' endpoints say; other nodes are followed in the store.
  fixed('NetworkDriver.EndpointOperInfo', { Value: {} }),
  // The Engine publishes ports on its own docker_gwbridge.
  fixed('NetworkDriver.ProgramExternalConnectivity', {}),
  fixed('NetworkDriver.RevokeExternalConnectivity', {}),
  fixed('NetworkDriver.DiscoverNew', {}),
  fixed('NetworkDriver.DiscoverDelete', {}),
  fixed('NetworkDriver.AllocateNetwork', { Options: {} }),
  fixed('NetworkDriver.FreeNetwork', {}),
  // The Engine takes the interface back by itself; the endpoint goes with DeleteEndpoint.
  fixed('NetworkDriver.Leave', {}),
];

function ipamMethods(plugin: EnginePlugin) {
  return [
    method('IpamDriver.RequestPool', requests.requestPool, async ({ Pool, SubPool, Options, V6 }) => {
      const request = { subnet: Pool, ipRange: SubPool, options: Options, v6: V6 };
      const { poolId, subnet } = await plugin.requestPool(request);
      return { PoolID: poolId, Pool: subnet, Data: {} };
    }),
    method('IpamDriver.ReleasePool', requests.ofPool, async ({ PoolID }) => {
      await plugin.releasePool(PoolID);
      return {};
    }),
    method('IpamDriver.RequestAddress', requests.requestAddress, async ({ PoolID, Address, Options }) => {
      const purpose = Options.RequestAddressType === gatewayType ? 'gateway' : 'endpoint';
      return { Address: await plugin.requestAddress(PoolID, Address, purpose), Data: {} };
    }),
    method('IpamDriver.ReleaseAddress', requests.releaseAddress, async ({ PoolID, Address }) => {
      await plugin.releaseAddress(PoolID, Address);
      return {};
    }),
  ];
}

function networkMethods(plugin: EnginePlugin) {
  return [
    method('NetworkDriver.CreateNetwork', requests.createNetwork, async (body) => {
      const subnets = [...body.IPv4Data, ...body.IPv6Data];
      await plugin.createNetwork({ engineNetworkId: body.NetworkID, options: body.Options, subnets });
      return {};
    }),
    method('NetworkDriver.DeleteNetwork', requests.ofNetwork, async ({ NetworkID }) => {
      await plugin.deleteNetwork(NetworkID);
      return {};
    }),
  ];
}

function endpointMethods(plugin: EnginePlugin) {
  return [
    method('NetworkDriver.CreateEndpoint', requests.createEndpoint, async (body) => {
      const { Address, AddressIPv6, MacAddress } = body.Interface;
      const asked = {
        engineEndpointId: body.EndpointID,
        ipv4: Address,
        ipv6: AddressIPv6,
        mac: MacAddress.toLowerCase(),
      };
      const mac = await plugin.createEndpoint(body.NetworkID, asked);
      // Only what the Engine left open may be answered.
      return { Interface: MacAddress === '' ? { MacAddress: mac } : {} };
    }),
    method('NetworkDriver.Join', requests.join, async ({ NetworkID, EndpointID, SandboxKey, Options }) => {
      const asked = { engineEndpointId: EndpointID, sandboxKey: SandboxKey, publishes: Options };
      return joinAnswer(await plugin.join(NetworkID, asked));
    }),
    method('NetworkDriver.DeleteEndpoint', requests.ofEndpoint, async ({ EndpointID }) => {
      await plugin.deleteEndpoint(EndpointID);
      return {};
    }),
  ];
}

function joinAnswer({ interfaceName, namePrefix, gateway, gateway6, routes }: Joined): object {
  return {
    ...(interfaceName ? { InterfaceName: { SrcName: interfaceName, DstPrefix: namePrefix } } : {}),
    Gateway: gateway ?? '',
    GatewayIPv6: gateway6 ?? '',
    StaticRoutes: routes.map(({ destination, nextHop }) => ({
      Destination: destination,
      RouteType: nextHop ? 0 : 1,
      NextHop: nextHop ?? '',
    })),
  };
}

type Method = readonly [name: string, handle: (body: unknown) => Promise<object>];

/** What is answered always the same. */
function fixed(name: string, answer: object): Method {
  return [name, async () => answer];
}

function method<T extends z.ZodType>(
  name: string,
  schema: T,
  handle: (body: z.infer<T>) => Promise<object>,
): Method {
  return [name, async (body) => await handle(parse(name, schema, body))];
}

function parse<T extends z.ZodType>(name: string, schema: T, body: unknown): z.infer<T> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FairleadError('invalid', `${name}: ${issue?.path.join('.')}: ${issue?.message}`);
}
