import * as z from 'zod';
import { parseSubnet } from '../../src/lib/addresses.ts';
import { FairleadError, isKind, messageOf } from '../../src/lib/errors.ts';
import type { AddressRequest, GivenPool, IpamDriver, IpamFacts, PoolRequest } from '../ipam-driver.ts';
import type { Plugin } from './plugin.ts';
import type { Plugins } from './plugins.ts';

const text = z.string().nullish();
const capabilities = z.object({
  RequiresMACAddress: z.boolean().nullish(),
  RequiresRequestReplay: z.boolean().nullish(),
});
const spaces = z.object({ LocalDefaultAddressSpace: text, GlobalDefaultAddressSpace: text });
const pool = z.object({ PoolID: text, Pool: text, Data: z.record(z.string(), z.string()).nullish() });
const address = z.object({ Address: text });
const empty = z.looseObject({});

const gatewayLabel = 'com.docker.network.gateway';
const macLabel = 'com.docker.network.endpoint.macaddress';

/** Finds an address manager by name; undefined for what is not a plugin's. */
export function ipamPlugins(plugins: Plugins): (name: string) => IpamDriver | undefined {
  const known = new Map<string, IpamDriver>();
  return (name) => {
    if (name === 'default' || name === 'null') return undefined;
    const driver = known.get(name) ?? createRemoteIpam(plugins.named(name));
    known.set(name, driver);
    return driver;
  };
}

/** A plugin as an address manager (docker-facts 4.4). */
function createRemoteIpam(plugin: Plugin): IpamDriver {
  const call = <T>(method: string, request: unknown, schema: z.ZodType<T>) =>
    plugin.call('IpamDriver', method, request, schema);
  const known = new KnownFacts(plugin);
  return {
    name: plugin.name,
    facts: ({ patient = true } = {}) => known.read(patient),
    life: () => plugin.life(),
    async requestPool(request) {
      return givenPool(await call('RequestPool', poolRequest(request), pool));
    },
    async requestAddress(PoolID, request) {
      const given = await call('RequestAddress', { PoolID, ...addressRequest(request) }, address);
      return givenAddress(given.Address ?? '', request);
    },
    async releaseAddress(PoolID, Address) {
      await call('ReleaseAddress', { PoolID, Address }, empty);
    },
    async releasePool(PoolID) {
      await call('ReleasePool', { PoolID }, empty);
    },
  };
}

/** Asked for once in a life of the plugin. */
class KnownFacts {
  #facts: IpamFacts | undefined;
  #life: string | undefined;

  constructor(private readonly plugin: Plugin) {}

  async read(patient: boolean): Promise<IpamFacts> {
    const life = await this.plugin.life();
    if (this.#facts && life !== undefined && life === this.#life) return this.#facts;
    this.#facts = await factsOf(this.plugin, patient);
    this.#life = await this.plugin.life();
    return this.#facts;
  }
}

async function factsOf(plugin: Plugin, patient: boolean): Promise<IpamFacts> {
  await plugin.require('IpamDriver', { patient });
  const call = <T>(method: string, request: unknown, schema: z.ZodType<T>) =>
    plugin.call('IpamDriver', method, request, schema, { patient });
  try {
    const said = await call('GetCapabilities', undefined, capabilities).catch((error: unknown) => {
      // The call came later than the protocol: who does not know it needs nothing.
      if (isKind(error, 'unsupported')) return capabilities.parse({});
      throw error;
    });
    const { LocalDefaultAddressSpace: local, GlobalDefaultAddressSpace: global } = await call(
      'GetDefaultAddressSpaces',
      undefined,
      spaces,
    );
    return {
      local: local ?? '',
      global: global ?? '',
      requiresMac: said.RequiresMACAddress ?? false,
      requiresReplay: said.RequiresRequestReplay ?? false,
    };
  } catch (error) {
    if (isKind(error, 'unavailable')) throw error;
    throw new FairleadError('internal', `invalid ipam driver: "${plugin.name}": ${messageOf(error)}`);
  }
}

function poolRequest({ addressSpace, subnet, ipRange, options, v6 }: PoolRequest) {
  return { AddressSpace: addressSpace, Pool: subnet, SubPool: ipRange, Options: options, V6: v6 };
}

function addressRequest({ address: Address, purpose, mac }: AddressRequest) {
  if (purpose === 'auxiliary') return { Address, Options: null };
  if (purpose === 'gateway') return { Address, Options: { RequestAddressType: gatewayLabel } };
  return { Address, Options: mac ? { [macLabel]: mac } : {} };
}

function givenPool({ PoolID, Pool, Data }: z.infer<typeof pool>): GivenPool {
  const subnet = cidr(Pool ?? '');
  const gateway = Data?.[gatewayLabel];
  return {
    id: PoolID ?? '',
    subnet: parseSubnet(subnet).text,
    ...(gateway ? { gateway: cidr(gateway) } : {}),
  };
}

function givenAddress(given: string, { purpose, address: wanted }: AddressRequest): string {
  if (given !== '') return cidr(given);
  const what = purpose === 'endpoint' ? 'address' : purpose;
  throw new FairleadError('internal', `failed to allocate ${what} (${wanted}): No address returned`);
}

function cidr(given: string): string {
  try {
    parseSubnet(given);
    return given;
  } catch {
    throw new FairleadError('internal', `invalid CIDR address: ${given}`);
  }
}
