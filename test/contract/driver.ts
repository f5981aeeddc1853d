import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import type { Driver } from '../../drivers/driver.ts';
import type { Endpoint, Network } from '../../src/cluster/records.ts';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import { newId } from '../../src/lib/ids.ts';

/** What every driver must do, whichever data plane it works on. */
export interface DriverCheck {
  readonly name: string;
  readonly run: (driver: Driver, dataplane: Dataplane) => Promise<void>;
}

export function networkOf(
  driver: Pick<Driver, 'name' | 'scope' | 'addressed' | 'wantedVni'>,
  change: Partial<Network> = {},
): Network {
  const id = newId();
  const pool = { subnet: '10.1.0.0/24', gateway: '10.1.0.1', auxAddresses: {} };
  const pool6 = { subnet: 'fd00:1::/64', gateway: 'fd00:1::1', auxAddresses: {} };
  return {
    id,
    name: `net-${id.slice(0, 4)}`,
    driver: driver.name,
    scope: typeof driver.scope === 'string' ? driver.scope : 'local',
    created: '2015-06-22T00:00:00.000000000Z',
    internal: false,
    attachable: false,
    ipv6: true,
    ipam: { driver: 'default', options: {}, pools: driver.addressed ? [pool, pool6] : [] },
    options: {},
    labels: {},
    ...(driver.wantedVni ? { vni: 4097 } : {}),
    ...change,
  };
}

export function endpointOf(network: Network, last = 2): Endpoint {
  const addressed = network.ipam.pools.length > 0;
  return {
    id: newId(),
    networkId: network.id,
    nodeId: newId(),
    containerId: newId(),
    containerName: `c${last}`,
    name: `c${last}`,
    created: network.created,
    ...(addressed
      ? {
          ipv4: `10.1.0.${last}/24`,
          ipv6: `fd00:1::${last}/64`,
          mac: `02:42:0a:01:00:${last.toString(16).padStart(2, '0')}`,
        }
      : {}),
    aliases: [],
    ports: [],
    healthy: true,
  };
}

/** What src/network does with a join's result. @returns the owned interfaces it added */
async function attach(
  driver: Driver,
  dataplane: Dataplane,
  network: Network,
  endpoint: Endpoint,
): Promise<void> {
  const result = await driver.join(network, endpoint);
  await dataplane.ensureSandbox(endpoint.containerId);
  if (!result.interface) return;
  const { source, namePrefix, mtu, mac } = result.interface;
  await dataplane.plug(endpoint.containerId, {
    name: `${namePrefix}0`,
    source,
    addresses: [endpoint.ipv4, endpoint.ipv6].filter((address) => address !== undefined),
    routes: result.routes,
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac }),
  });
  const { gateway, gateway6 } = result;
  const routes = { ...(gateway ? { ipv4: gateway } : {}), ...(gateway6 ? { ipv6: gateway6 } : {}) };
  await dataplane.setDefaultRoutes(endpoint.containerId, routes);
}

export const driverChecks: readonly DriverCheck[] = [
  {
    name: 'has a name, and a network of its own is valid beside itself',
    async run(driver) {
      match(driver.name, /^[a-z]+$/);
      const network = networkOf(driver);
      await driver.validate(network, []);
      await driver.validate(network, [network]);
    },
  },
  {
    name: 'takes options it does not know',
    async run(driver) {
      await driver.validate(networkOf(driver, { options: { 'com.example.unknown': 'x' } }), []);
    },
  },
  {
    name: 'sets a network up repeatedly and removes it without a trace',
    async run(driver, dataplane) {
      const network = networkOf(driver);
      await driver.ensureNetwork(network);
      await driver.ensureNetwork(network);
      const { bridges, vxlans } = await dataplane.owned();
      deepStrictEqual([...bridges, ...vxlans], [...(driver.interfaces?.(network) ?? [])]);
      await driver.removeNetwork(network);
      await driver.removeNetwork(network);
      deepStrictEqual(await dataplane.owned(), { sandboxes: [], bridges: [], interfaces: [], vxlans: [] });
    },
  },
  {
    name: 'joins the same way each time, without touching the data plane',
    async run(driver, dataplane) {
      const network = networkOf(driver);
      await driver.ensureNetwork(network);
      const before = await dataplane.owned();
      const endpoint = endpointOf(network);
      deepStrictEqual(await driver.join(network, endpoint), await driver.join(network, endpoint));
      deepStrictEqual(await dataplane.owned(), before);
    },
  },
  {
    name: 'gives an interface exactly when its networks have addresses',
    async run(driver) {
      const network = networkOf(driver);
      await driver.ensureNetwork(network);
      const result = await driver.join(network, endpointOf(network));
      strictEqual(result.interface !== undefined, driver.addressed);
      strictEqual(result.gateway !== undefined, driver.addressed);
      strictEqual(result.gateway6 !== undefined, driver.addressed);
    },
  },
  {
    name: 'connects two endpoints, and an endpoint with its gateways',
    async run(driver, dataplane) {
      const network = networkOf(driver);
      await driver.ensureNetwork(network);
      const rules = driver.firewall?.(network);
      await dataplane.applyFirewall({ networks: rules ? [rules] : [] });
      const endpoints = [endpointOf(network, 2), endpointOf(network, 3)] as const;
      for (const endpoint of endpoints) await attach(driver, dataplane, network, endpoint);
      for (const address of ['10.1.0.3', 'fd00:1::3', '10.1.0.1', 'fd00:1::1']) {
        const { reachable, reason } = await dataplane.reach(endpoints[0].containerId, { address });
        strictEqual(reachable, driver.addressed, reason);
      }
    },
  },
  {
    name: 'gives no way out of an internal network',
    async run(driver) {
      const network = networkOf(driver, { internal: true });
      await driver.ensureNetwork(network);
      const { gateway, gateway6 } = await driver.join(network, endpointOf(network));
      deepStrictEqual([gateway, gateway6], [undefined, undefined]);
      ok(driver.firewall?.(network)?.internal ?? !driver.addressed);
    },
  },
  {
    name: 'leaves nothing of an endpoint, even if nobody unplugged it, and may be told twice',
    async run(driver, dataplane) {
      const network = networkOf(driver);
      await driver.ensureNetwork(network);
      const endpoint = endpointOf(network);
      await attach(driver, dataplane, network, endpoint);
      await driver.leave(network, endpoint);
      await driver.leave(network, endpoint);
      deepStrictEqual((await dataplane.owned()).interfaces, []);
    },
  },
];
