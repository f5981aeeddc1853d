import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import type { Driver, Peer } from '../../drivers/driver.ts';
import { createDrivers } from '../../drivers/index.ts';
import type { Endpoint, Network } from '../../src/cluster/records.ts';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import { sandboxName } from '../../src/dataplane/names.ts';
import type { Family } from '../../src/lib/addresses.ts';
import { newId } from '../../src/lib/ids.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { endpointOf, networkOf } from '../contract/driver.ts';
import type { TestHost } from '../rig/namespace.ts';
import { Pinger } from '../rig/pinger.ts';
import { Underlay } from '../rig/underlay.ts';
import { Capture, type Seen } from './capture.ts';
import { forgeriesSeen, intrude, watchForForgeries } from './intruder.ts';

const lifetimeMs = 3_600_000;
const settleMs = 15_000;

interface Node {
  readonly id: string;
  readonly host: TestHost;
  readonly address: string;
  readonly dataplane: Dataplane;
  driver: Driver;
  secret: string | undefined;
}

/** Two drivers on two hosts, told of each other by hand, with a clock of their own, and a third host that is no node. */
export class Pair implements AsyncDisposable {
  #now = 0;

  private constructor(
    readonly family: Family,
    private readonly underlay: Underlay,
    private readonly nodes: Node[],
  ) {}

  static async create(family: Family): Promise<Pair> {
    const pair = new Pair(family, await Underlay.create(3), []);
    for (const number of [1, 2]) {
      const [host, address] = [pair.underlay.host(number), Underlay.address(number, family)];
      const { tag, path: hostNamespace } = host;
      const options = { tag, log: silentLogger, hostNamespace, trustFirewallFor: 0 };
      const dataplane = await openLinuxDataplane(options);
      const none = createDrivers({ dataplane, tag })('null');
      const node: Node = { id: newId(), host, address, dataplane, driver: none, secret: undefined };
      pair.nodes.push(node);
      pair.#startDriver(node);
    }
    return pair;
  }

  /** As a daemon's start: nothing is known but what the kernel has. */
  #startDriver(node: Node): void {
    const { id, dataplane, address, host } = node;
    const publish = async (secret: string | undefined) => {
      node.secret = secret;
    };
    const tunnel = { id, publish, lifetimeMs, settleMs, now: () => this.#now };
    const advertise = () => address;
    node.driver = createDrivers({ dataplane, tag: host.tag, advertise, node: tunnel })('overlay');
  }

  async join(network: Network): Promise<readonly [Endpoint, Endpoint]> {
    const [first, second] = this.nodes.map(({ id }, i) => ({ ...endpointOf(network, i + 2), nodeId: id }));
    if (!first || !second) throw new Error('there are two nodes');
    for (const [node, endpoint] of [
      [this.#node(1), first],
      [this.#node(2), second],
    ] as const) {
      await node.driver.ensureNetwork(network);
      const { interface: given } = await node.driver.join(network, endpoint);
      if (!given) throw new Error('an overlay gives an interface');
      await node.dataplane.ensureSandbox(endpoint.containerId);
      const addresses = [endpoint.ipv4 ?? ''];
      await node.dataplane.plug(endpoint.containerId, { ...given, name: 'eth0', addresses });
      // The intruder, too: it is IPsec that is to keep him out.
      const nodes = [1, 2, 3].map((number) => Underlay.address(number, this.family));
      const networks = [node.driver.firewall?.(network) ?? []].flat();
      await node.dataplane.applyFirewall({ networks, nodes });
    }
    return [first, second];
  }

  /** What the directories of both nodes do after a change, twice: each answers what the other has published. */
  async tell(network: Network, endpoints: readonly [Endpoint, Endpoint]): Promise<void> {
    for (const number of [1, 2, 1, 2] as const) {
      this.#now += 1000;
      const other = this.#node(3 - number);
      const endpoint = endpoints[2 - number];
      if (!endpoint) throw new Error('each node has one');
      const secret = other.secret === undefined ? {} : { secret: other.secret };
      const peers: readonly Peer[] = [{ endpoint, via: other.address, ...secret }];
      await this.#node(number).driver.setPeers?.(network, peers);
    }
  }

  network(change: Partial<Network> = {}): Network {
    return networkOf(this.#node(1).driver, { options: { encrypted: '' }, ...change });
  }

  async onlyEspLeaves(): Promise<void> {
    const { sandbox } = await this.#meet();
    const size = this.family === 4 ? 1388 : 1368;
    const words = ['-c5', '-i0.2', '-Mdo', `-s${size}`, '-p', hex('SECRETSECRET')];
    const seen = await this.#captured(() => this.#ping(sandbox, ...words));
    deepStrictEqual([seen.esp, seen.udp(4793), seen.udp(4789), seen.longest], [10, 0, 0, 1514]);
    ok(!seen.contains('SECRETSECRET'));
    await this.#nothingIsLeft();
  }

  /** New keys on both nodes, then new lives of both: what is sent all the while is answered. */
  async keysChange(): Promise<string> {
    const { network, endpoints, sandbox } = await this.#meet();
    const pinger = await Pinger.start(`/run/netns/${sandbox}`, '10.1.0.3', 100);
    const capture = await Capture.start(this.#node(1).host);
    for (let turn = 0; turn < 2; turn += 1) {
      const before = await this.#sentUnder();
      for (const ms of [lifetimeMs, settleMs, settleMs]) {
        this.#now += ms;
        await this.tell(network, endpoints);
        await pause();
      }
      notStrictEqual(await this.#sentUnder(), before);
      for (const node of this.nodes) {
        this.#startDriver(node);
        await node.driver.ensureNetwork(network);
        await this.tell(network, endpoints);
        await pause();
      }
    }
    const { sent, received } = await pinger.stop();
    strictEqual((await capture.stop()).udp(4793), 0);
    strictEqual(sent - received, 0);
    await this.#nothingIsLeft();
    return `${received} of ${sent} pings answered`;
  }

  async forgeriesAreDropped(): Promise<void> {
    for (const [options, port, arrive] of [
      [{}, 4789, 10],
      [{ encrypted: '' }, 4793, 0],
    ] as const) {
      const { network, endpoints, sandbox } = await this.#meet({ options });
      await watchForForgeries(this.#node(1).host, sandbox);
      for (const from of [3, 2].map((number) => Underlay.address(number))) {
        const [{ mac = '' }] = endpoints;
        const victim = { node: this.#node(1).address, mac, address: '10.1.0.2' };
        await intrude(this.underlay.host(3), { ...victim, from, port, vni: network.vni ?? 0 });
      }
      strictEqual(await forgeriesSeen(this.#node(1).host, sandbox), arrive);
      await this.#nothingIsLeft();
    }
  }

  /** The rules hold what the policies would have held, until `ensureNetwork` puts those again. */
  async flushedPoliciesLeakNothing(): Promise<void> {
    const { network, sandbox } = await this.#meet();
    await this.#node(1).host.run('ip', 'xfrm', 'policy', 'flush');
    const seen = await this.#captured(() => this.#ping(sandbox, '-c3', '-W1').catch(() => {}));
    deepStrictEqual([seen.esp, seen.udp(4793)], [0, 0]);
    await this.#node(1).driver.ensureNetwork(network);
    await this.#ping(sandbox, '-c3', '-W1');
    await this.#nothingIsLeft();
  }

  async #meet(change: Partial<Network> = {}) {
    const network = this.network(change);
    const endpoints = await this.join(network);
    await this.tell(network, endpoints);
    const sandbox = sandboxName(this.#node(1).host.tag, endpoints[0].containerId);
    await this.#ping(sandbox, '-c2', '-W2');
    return { network, endpoints, sandbox };
  }

  async #ping(sandbox: string, ...flags: readonly string[]): Promise<void> {
    await this.#node(1).host.runIn(sandbox, 'ping', '-q', '-n', ...flags, '10.1.0.3');
  }

  async #captured(act: () => Promise<void>): Promise<Seen> {
    const capture = await Capture.start(this.#node(1).host);
    await act();
    return await capture.stop();
  }

  async #sentUnder(): Promise<string> {
    const { host, address } = this.#node(1);
    return await host.run('ip', 'xfrm', 'state', 'list', 'nokeys', 'src', address);
  }

  async #nothingIsLeft(): Promise<void> {
    for (const node of this.nodes) {
      await node.dataplane.close();
      for (const what of ['state', 'policy']) {
        strictEqual(await node.host.run('ip', 'xfrm', what, 'list'), '');
      }
      this.#startDriver(node);
    }
  }

  #node(number: number): Node {
    const node = this.nodes[number - 1];
    if (!node) throw new Error(`there is no node ${number}`);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.underlay[Symbol.asyncDispose]();
  }
}

/** Long enough for some pings. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 500));
}

/** As ping takes a pattern. */
function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
