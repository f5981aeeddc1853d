import type { Store } from '../../kvstore/store.ts';
import { containerOf, type Inspected, inspected } from '../../src/container/engine/inspected.ts';
import { Translation } from '../../src/container/engine/translation.ts';
import type {
  EngineChange,
  EngineNetwork,
  EngineNetworkSpec,
  EnginePlace,
  HostEngine,
} from '../../src/container/host-engine.ts';
import { EngineLinks } from '../../src/container/host-links.ts';
import type { EngineRuntime } from '../../src/container/runtime.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import { newId, shortId } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { SerialQueue } from '../../src/lib/serial-queue.ts';
import { timestamp } from '../../src/lib/time.ts';
import type { EngineSide } from '../../src/network/context.ts';
import type { EnginePlugin } from '../../src/network/plugin/plugin.ts';

type Place = NonNullable<Inspected['NetworkSettings']['Networks']>[string];

export type MemoryEngine = Awaited<ReturnType<typeof createMemoryEngine>>;

/**
 * A Docker Engine in memory: it knows networks and containers, and asks its plugin for addresses and endpoints in the
 * order in which Engine 28.5.2 does. Before the first container starts, `usePlugin` says who that is.
 */
export async function createMemoryEngine(store: Store, tag: string) {
  const driver = 'fairlead';
  const links = await EngineLinks.open(store, silentLogger);
  const translation = new Translation(links);
  const containers = new Map<string, Inspected>();
  const networks = new Map<string, EngineNetwork & { readonly poolIds: readonly string[] }>();
  const listeners: ((change: EngineChange) => void)[] = [];
  /** Every call that changed something there. */
  const calls: string[] = [];
  /** It makes one network of a name at a time (from Engine 25 on). */
  const names = new SerialQueue();
  let plugin: EnginePlugin | undefined;
  let pause = async () => {};
  let inSwarm = false;

  const asked = () => {
    if (!plugin) throw new FairleadError('unavailable', 'the plugin does not listen yet');
    return plugin;
  };
  const networkNamed = (ref: string) => {
    const found = [...networks.values()].find(({ id, name }) => id === ref || name === ref);
    if (!found) throw new FairleadError('not-found', `network ${ref} not found`);
    return found;
  };
  const require = (id: string): Inspected => {
    const found = containers.get(id);
    if (!found) throw new FairleadError('not-found', `No such container: ${id}`);
    return found;
  };
  const translated = (found: Inspected) => translation.of(copyOf(found));
  const copies = new WeakMap<Inspected, ReturnType<typeof containerOf>>();
  const copyOf = (found: Inspected) => {
    const copy = copies.get(found) ?? containerOf(found);
    copies.set(found, copy);
    return copy;
  };
  const put = (after: Inspected) => {
    const before = containers.get(after.Id);
    containers.set(after.Id, after);
    const change = { after: copyOf(after), ...(before ? { before: copyOf(before) } : {}) };
    for (const listener of listeners) listener({ kind: 'container', ...change });
    return translated(after);
  };
  const withPlaces = (found: Inspected, places: Record<string, Place>): Inspected => ({
    ...found,
    NetworkSettings: { Networks: places },
  });
  const placesOf = ({ NetworkSettings }: Inspected) => ({ ...NetworkSettings.Networks });

  /** An endpoint of a running container. */
  async function join(name: string, place: Place): Promise<Place> {
    const network = networkNamed(name);
    const engineEndpointId = newId();
    const made = { ...place, NetworkID: network.id, EndpointID: engineEndpointId };
    if (network.driver !== driver) return { ...made, IPAddress: '192.0.2.2', IPPrefixLen: 24 };
    const ipv4 = await asked().requestAddress(
      network.poolIds[0] ?? '',
      place.IPAMConfig?.IPv4Address ?? '',
      'endpoint',
    );
    const endpoint = { engineEndpointId, ipv4, ipv6: '', mac: '' };
    const MacAddress = await asked().createEndpoint(network.id, endpoint);
    await asked().join(network.id, { engineEndpointId, sandboxKey: engineEndpointId, publishes: false });
    const [IPAddress = '', prefix] = ipv4.split('/');
    return { ...made, MacAddress, IPAddress, IPPrefixLen: Number(prefix) };
  }

  async function leave(name: string, place: Place): Promise<Place> {
    const network = networkNamed(name);
    if (network.driver === driver && place.EndpointID !== '') {
      await asked().deleteEndpoint(place.EndpointID);
      await asked().releaseAddress(network.poolIds[0] ?? '', place.IPAddress);
    }
    return { ...place, EndpointID: '', IPAddress: '', MacAddress: '' };
  }

  const tell = (action: string, id: string, name: string, container = '') => {
    const attributes = { name, ...(container ? { container } : {}) };
    for (const listener of listeners) listener({ kind: 'event', type: 'network', action, id, attributes });
  };

  async function make(spec: EngineNetworkSpec): Promise<string> {
    if ([...networks.values()].some(({ name }) => name === spec.name))
      throw new FairleadError('conflict', `network with name ${spec.name} already exists`);
    const id = newId();
    const { driver: ipamDriver, options } = spec.ipam;
    const poolIds: string[] = [];
    let { pools } = spec.ipam;
    try {
      if (ipamDriver === driver) {
        const given = pools.length > 0 ? pools : [{ subnet: '', gateway: '' }];
        const requested = given.map(({ subnet }) =>
          asked().requestPool({ subnet, ipRange: '', options, v6: false }),
        );
        const found = await Promise.all(requested);
        poolIds.push(...found.map(({ poolId }) => poolId));
        pools = found.map(({ subnet }, i) => ({ subnet, gateway: given[i]?.gateway ?? '' }));
      }
      const subnets = pools.map(({ subnet }) => subnet);
      await pause();
      await asked().createNetwork({ engineNetworkId: id, options: spec.options, subnets });
      await pause();
    } catch (error) {
      for (const poolId of poolIds) await asked().releasePool(poolId);
      throw error;
    }
    const shown = pools.map(({ subnet, gateway }) => ({ subnet, ...(gateway ? { gateway } : {}) }));
    const created = timestamp(Date.now());
    networks.set(id, { ...spec, id, created, scope: 'local', ipamDriver, pools: shown, poolIds });
    tell('create', id, spec.name);
    return id;
  }

  const host: HostEngine = {
    status: () => ({ reachable: true, complete: true, since: 0, address: 'memory', version: '28.5.2' }),
    networks: async () => [...networks.values()],
    createNetwork: (spec) => names.run(spec.name, () => make(spec)),
    async removeNetwork(id) {
      const found = networks.get(id);
      if (!networks.delete(id)) return;
      await asked().deleteNetwork(id);
      for (const poolId of found?.poolIds ?? []) await asked().releasePool(poolId);
      tell('destroy', id, found?.name ?? '');
    },
    async connect(networkId, containerId, place) {
      const { name } = networkNamed(networkId);
      calls.push(`connect ${name}`);
      const wanted = placeFor(containerId, place);
      const isRunning = require(containerId).State.Status === 'running';
      const made = isRunning ? await join(name, wanted) : wanted;
      const found = require(containerId);
      put(withPlaces(found, { ...placesOf(found), [name]: made }));
    },
    async disconnect(networkId, containerId) {
      const { name } = networkNamed(networkId);
      calls.push(`disconnect ${name}`);
      const { [name]: place } = placesOf(require(containerId));
      if (place) await leave(name, place);
      const { [name]: _, ...rest } = placesOf(require(containerId));
      put(withPlaces(require(containerId), rest));
    },
    isInSwarm: async () => inSwarm,
    look: async () => {},
    onChange: (listener) => void listeners.push(listener),
  };

  const runtime: EngineRuntime = {
    kind: 'engine',
    recover: async () => {},
    list: () => [...containers.values()].map(translated),
    get(id) {
      const found = containers.get(id);
      return found && translated(found);
    },
    async create(spec) {
      const Id = newId();
      const places = spec.attachments.map(({ network, ...place }) => {
        const { name } = networkNamed(links.engineNetworkOf(network) ?? network);
        return [name, placeFor(Id, place)] as const;
      });
      const ports = spec.exposedPorts.map(({ port, protocol }) => [`${port}/${protocol}`, {}]);
      const never = '0001-01-01T00:00:00Z';
      return put({
        ...inspected.parse({
          ...{ Id, Name: `/${spec.name}`, Created: timestamp(Date.now()) },
          State: { Status: 'created', Pid: 0, ExitCode: 0, StartedAt: never, FinishedAt: never },
          Config: { Hostname: shortId(Id), Image: spec.image, ExposedPorts: Object.fromEntries(ports) },
          HostConfig: { NetworkMode: places[0]?.[0] ?? 'none' },
          NetworkSettings: { Networks: {} },
        }),
        NetworkSettings: { Networks: Object.fromEntries(places) },
      });
    },
    async start(id) {
      const places: Record<string, Place> = {};
      for (const [name, place] of Object.entries(placesOf(require(id))))
        places[name] = await join(name, place);
      const { State, ...found } = require(id);
      const running = { ...State, Status: 'running', Pid: 7, StartedAt: timestamp(Date.now()) };
      return put(withPlaces({ ...found, State: running }, places));
    },
    async stop(id) {
      const places: Record<string, Place> = {};
      for (const [name, place] of Object.entries(placesOf(require(id))))
        places[name] = await leave(name, place);
      const { State, ...found } = require(id);
      put(withPlaces({ ...found, State: { ...State, Status: 'exited', Pid: 0 } }, places));
    },
    async update(id, { name }) {
      return name === undefined ? translated(require(id)) : put({ ...require(id), Name: `/${name}` });
    },
    async remove(id) {
      const before = copyOf(require(id));
      containers.delete(id);
      for (const listener of listeners) listener({ kind: 'container', before });
    },
    signal: async () => {},
    onExit: () => {},
    async *logs() {},
    sandboxOf: (id) => id,
    close: async () => {},
  };

  const bridge = { name: 'bridge', driver: 'bridge', scope: 'local', created: timestamp(Date.now()) };
  const plain = { internal: false, attachable: false, ipv6: false, ipamDriver: 'default' };
  const pools = [{ subnet: '192.0.2.0/24', gateway: '192.0.2.1' }];
  const own = { ...bridge, ...plain, id: newId(), pools, options: {}, labels: {}, poolIds: [] };
  networks.set(own.id, own);
  const side: EngineSide = { host, links, driver, resolver: '169.254.53.53', tag };
  return {
    side,
    runtime,
    calls,
    usePlugin(given: EnginePlugin | undefined) {
      plugin = given;
    },
    /** `docker network create -d fairlead` at the Engine, which has chosen the subnet; without one it asks us for a pool. */
    typeNetwork(name: string, subnet?: string, attachable = false): Promise<string> {
      const plain = { internal: false, attachable, ipv6: false, labels: {}, options: {} };
      const pools = subnet === undefined ? [] : [{ subnet, gateway: '' }];
      const ipam = { driver: subnet === undefined ? driver : 'default', options: {}, pools };
      return names.run(name, () => make({ name, driver, ...plain, ipam }));
    },
    /** What it does between its questions about a network, and between our answer and its own. */
    setPause(given: () => Promise<void>) {
      pause = given;
    },
    joinSwarm() {
      inSwarm = true;
      const ingress = { ...own, id: newId(), name: 'ingress', scope: 'swarm', driver: 'overlay', pools: [] };
      networks.set(ingress.id, ingress);
      tell('create', ingress.id, ingress.name);
    },
    /** Takes all containers off attachable networks, whoever's they are (moby's clearAttachableNetworks). */
    async leaveSwarm() {
      for (const { id: networkId, name } of [...networks.values()].filter(({ attachable }) => attachable)) {
        const on = [...containers.values()].filter((found) => name in placesOf(found));
        for (const { Id: container } of on) {
          await host.disconnect(networkId, container);
          tell('disconnect', networkId, name, container);
        }
      }
      inSwarm = false;
    },
    /** What the Engine's own health check says. */
    setHealth(id: string, Status: 'healthy' | 'unhealthy') {
      const found = require(id);
      put({ ...found, State: { ...found.State, Health: { Status } } });
    },
  };
}

/** As `network connect` asked for it; the Engine adds the short id to the aliases. */
function placeFor(containerId: string, place: Partial<EnginePlace>): Place {
  return {
    NetworkID: '',
    EndpointID: '',
    Aliases: [...(place.aliases ?? []), shortId(containerId)],
    IPAddress: '',
    IPPrefixLen: 0,
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    MacAddress: '',
    Links: [...(place.links ?? [])],
    GwPriority: place.gatewayPriority ?? 0,
    IPAMConfig: {
      IPv4Address: place.ipv4 ?? '',
      IPv6Address: place.ipv6 ?? '',
      LinkLocalIPs: [...(place.linkLocal ?? [])],
    },
    DriverOpts: { ...place.driverOptions },
  };
}
