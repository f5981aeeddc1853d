/** A cluster as `GET /fairlead/topology` tells it, for tests of what is made of it. */

export const topologyId = (digit: string) => digit.repeat(64);
const id = topologyId;

const place = (
  [digit, network, node]: readonly [string, string, string],
  container: string,
  more: Readonly<Record<string, unknown>> = {},
) => ({
  ...{
    id: id(digit),
    name: container,
    created: '2026-01-01T00:00:00Z',
    network: id(network),
    node: id(node),
  },
  ...{ nodeName: node === 'a' ? 'h1' : 'h2', container: id(more.of === undefined ? digit : String(more.of)) },
  ...{ containerName: container, aliases: [], healthy: true },
  ...more,
  of: undefined,
});

const network = (digit: string, name: string, driver: string, subnets: readonly object[]) => ({
  ...{ id: id(digit), name, driver, scope: 'local', created: '2026-01-01T00:00:00Z', internal: false },
  ...{ ipv6: false, options: {}, labels: {}, subnets, endpoints: 'known' },
});

const service = (digit: string, name: string, kind: string, providers: readonly string[], ipv4?: string) => ({
  ...{ id: id(digit), name, created: '2026-01-01T00:00:00Z', network: id('1'), kind, aliases: [], ports: [] },
  ...{ providers: providers.map(id), ...(ipv4 === undefined ? {} : { ipv4 }) },
});

export const topologyFixture = {
  self: id('a'),
  nodes: [
    { id: id('a'), name: 'h1', advertise: '192.0.2.1', version: '0.2.0', state: 'alive', self: true },
    { id: id('b'), name: 'h2', advertise: '192.0.2.2', version: '0.2.0', state: 'alive', self: false },
    {
      ...{ id: id('c'), name: 'h3', advertise: '192.0.2.3', version: '0.2.0', state: 'lost', self: false },
      lastSeen: '2026-01-01T00:00:00.000Z',
    },
  ],
  networks: [
    network('1', 'backend', 'overlay', [
      { subnet: '10.0.0.0/24', gateway: '10.0.0.1', inUse: 8, available: 248 },
    ]),
    network('2', 'bridge', 'bridge', [
      { subnet: '172.17.0.0/16', gateway: '172.17.0.1', inUse: 4, available: 65532 },
    ]),
    network('3', 'host', 'host', []),
    network('4', 'none', 'null', []),
  ],
  services: [
    service('5', 'db', 'exclusive', ['d'], '10.0.0.2/24'),
    service('6', 'queue', 'exclusive', [], '10.0.0.9/24'),
    service('7', 'web', 'shared', ['e', 'f']),
  ],
  endpoints: [
    place(['8', '1', 'a'], 'app', { ipv4: '10.0.0.3/24' }),
    place(['9', '2', 'a'], 'app', { ipv4: '172.17.0.2/16', of: '8' }),
    place(['0', '1', 'b'], 'pg1', { ipv4: '10.0.0.4/24' }),
    place(['d', '1', 'b'], 'pg1', { name: 'db', ipv4: '10.0.0.2/24', service: id('5'), of: '0' }),
    place(['e', '1', 'a'], 'web1', { name: 'web', ipv4: '10.0.0.5/24', service: id('7') }),
    place(['f', '1', 'b'], 'web2', {
      ...{ name: 'web', ipv4: '10.0.0.6/24', service: id('7'), healthy: false },
    }),
  ],
};
