import type { Endpoint, Network } from '../../src/cluster/records.ts';
import type { Links } from '../../src/dataplane/links.ts';
import { hostEndName } from '../../src/dataplane/names.ts';
import type { ParentSpec, Parents, StackedType } from '../../src/dataplane/parents.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import { shortId } from '../../src/lib/ids.ts';
import type { Driver, JoinResult } from '../driver.ts';
import { defaultRoutes } from '../gateways.ts';
import { checkStackedOptions, parseStackedOptions } from './options.ts';
import { ownParent } from './parent.ts';
import type { ParentUsers } from './parent-users.ts';

/**
 * macvlan and ipvlan: each container's interface lies on an interface of the host, its parent, and is a neighbour of the
 * machines behind that. The kernel keeps the host itself apart from them: no gateway of ours, no NAT, no published ports.
 */
export function createStackedDriver(
  type: StackedType,
  { dataplane, tag, users, obstacle: otherwise }: StackedDependencies,
): Driver {
  const sourceOf = (network: Network, endpoint: Endpoint) => {
    const { parent = ownParent(tag, network).name, mode, flag } = parseStackedOptions(type, network.options);
    const hostName = hostEndName(tag, endpoint.id);
    return {
      kind: 'stacked',
      hostName,
      parent,
      type,
      mode,
      ...(flag === undefined ? {} : { flag }),
    } as const;
  };
  /** What is ours to make: nothing where the host has the interface already. */
  const wantedParent = async (network: Network): Promise<ParentSpec | undefined> => {
    const link = network.options.parent && (await dataplane.parentLink(network.options.parent));
    return link && !link.own ? undefined : ownParent(tag, network);
  };
  return {
    name: type,
    scope: 'local',
    addressed: true,
    single: false,
    // All of a parent's ipvlan interfaces have its MAC.
    givesMacs: type === 'ipvlan',
    // As the Engine's: `-p` is taken, and opens nothing on the host, which the container is not reached by.
    publishesPorts: true,
    apartFromHost: true,

    async validate(network, others) {
      checkStackedOptions(type, network.options);
      refuseSharedParent(type, network, others);
      await checkParent(type, dataplane, network, tag);
      const obstacle = otherwise ?? (await dataplane.lacks(type));
      if (obstacle !== undefined)
        throw new FairleadError('unsupported', `no ${type} networks on this host: ${obstacle}`);
    },

    async ensureNetwork(network) {
      const parent = await wantedParent(network);
      if (!parent) return;
      await dataplane.ensureParent(parent);
      users.add(parent.name, network.id);
    },

    async removeNetwork(network) {
      const { parent = ownParent(tag, network).name } = network.options;
      if (users.remove(parent, network.id)) await dataplane.removeBridge(parent);
    },

    async join(network, endpoint): Promise<JoinResult> {
      const { mtu, interfacePrefix: namePrefix, mode } = parseStackedOptions(type, network.options);
      if (type === 'ipvlan' && endpoint.mac !== undefined)
        throw new FairleadError(
          'invalid',
          'ipvlan interfaces do not support custom mac address assignment: leave --mac-address out',
        );
      const source = sourceOf(network, endpoint);
      const given = {
        ...(mtu === undefined ? {} : { mtu }),
        ...(type === 'ipvlan' || endpoint.mac === undefined ? {} : { mac: endpoint.mac }),
      };
      return { interface: { source, namePrefix, ...given }, ...waysOut(network, mode) };
    },

    async leave(network, endpoint) {
      await dataplane.unplug(endpoint.containerId, { name: '', source: sourceOf(network, endpoint) });
    },

    async expected(network) {
      const parent = await wantedParent(network);
      return { bridges: [], vxlans: [], parents: parent ? [parent] : [] };
    },
    interfaces: (network) => [network.options.parent || ownParent(tag, network).name],
  };
}

export interface StackedDependencies {
  readonly dataplane: Links & Parents;
  /** The node's; see src/dataplane/names.ts. */
  readonly tag: string;
  /** Why containers here cannot be on such networks, in one line; absent: they can. */
  readonly obstacle?: string | undefined;
  /** One for both drivers: a sub-interface may carry networks of each. */
  readonly users: ParentUsers;
}

/**
 * In the layer 3 modes there is no neighbour to send to: all that is not here goes out by the parent. Each half apart,
 * since a whole default route is the sandbox's own affair (`setDefaultRoutes`).
 */
function waysOut(network: Network, mode: string): Pick<JoinResult, 'gateway' | 'gateway6' | 'routes'> {
  if (!leadsOut(network)) return { routes: [] };
  if (!mode.startsWith('l3')) return { ...defaultRoutes(network), routes: [] };
  const halves = network.ipv6
    ? ['0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1']
    : ['0.0.0.0/1', '128.0.0.0/1'];
  return { routes: halves.map((destination) => ({ destination })) };
}

/** What has no parent leads nowhere, as an internal one. */
function leadsOut({ internal, options }: Network): boolean {
  return !internal && Boolean(options.parent);
}

/** @throws conflict, in the Engine's words */
function refuseSharedParent(type: StackedType, network: Network, others: readonly Network[]): void {
  const { parent } = network.options;
  const same = others.filter(
    ({ id, driver, options }) => id !== network.id && driver === type && options.parent === parent,
  );
  const [other] = same;
  if (!parent || !other) return;
  if (type === 'ipvlan')
    throw new FairleadError(
      'conflict',
      `network di-${shortId(other.id)} is already using parent interface ${parent}`,
    );
  if (parseStackedOptions(type, network.options).mode === 'passthru')
    throw new FairleadError(
      'conflict',
      `cannot use mode passthru, macvlan network ${other.id} is already using parent interface ${parent}`,
    );
  const alone = same.find(({ options }) => parseStackedOptions(type, options).mode === 'passthru');
  if (alone)
    throw new FairleadError(
      'conflict',
      `macvlan network ${alone.id} is already using parent interface ${parent} in mode passthru`,
    );
}

/** @throws invalid | not-found | unsupported */
async function checkParent(
  type: StackedType,
  dataplane: Parents,
  network: Network,
  tag: string,
): Promise<void> {
  const { parent: name } = network.options;
  const { mtu } = parseStackedOptions(type, network.options);
  const link = name ? await dataplane.parentLink(name) : undefined;
  if (link?.loopback)
    throw new FairleadError('invalid', `loopback interface is not a valid ${type} parent link`);
  if (link) return refuseMtu(mtu, name ?? '', link.mtu);
  const own = ownParent(tag, network);
  if (own.kind === 'vlan') {
    const below = await dataplane.parentLink(own.parent);
    if (!below)
      throw new FairleadError('invalid', `-o parent interface was not found on the host: ${own.parent}`);
    refuseMtu(mtu, own.parent, below.mtu);
  }
  const obstacle = await dataplane.lacks(own.kind);
  if (obstacle === undefined) return;
  const what =
    own.kind === 'vlan' ? `failed to create ${own.name} vlan link` : `a ${type} network without -o parent`;
  throw new FairleadError('unsupported', `${what}: ${obstacle}`);
}

/** @throws invalid */
function refuseMtu(mtu: number | undefined, parent: string, most: number): void {
  if (mtu === undefined || mtu <= most) return;
  throw new FairleadError('invalid', `invalid MTU number: ${mtu}: the parent ${parent} has ${most}`);
}
