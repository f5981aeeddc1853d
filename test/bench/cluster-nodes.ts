import { openStore } from '../../kvstore/open.ts';
import { messageOf } from '../../src/lib/errors.ts';
import { createTestModel } from '../rig/model.ts';
import { until } from '../rig/until.ts';
import { type Answer, now, orderSchema } from './cluster-protocol.ts';
import { counting, noTraffic } from './counting-store.ts';

/**
 * A process full of nodes: `cluster-nodes.js STORE FIRST COUNT NETWORKS`. Each node is the daemon's own directory,
 * lease and use cases over a connection of its own, in the simulated mode; what it lacks is an API and a DNS.
 */

const [storeUrl = '', first = '0', count = '0', networks = '1'] = process.argv.slice(2);
const joinsAtOnce = 8;
const traffic = noTraffic();
const attached: { endpoint: string; at: number; took: number }[] = [];
const seen: { endpoint: string; at: number }[] = [];
const failures: string[] = [];
const nodes: Node[] = [];
let lost = 0;

type Model = Awaited<ReturnType<typeof createTestModel>>;

/** With a container on one network, which it therefore follows, and one more that comes and goes there. */
class Node {
  #isAttached = false;
  #isBusy = false;
  readonly #known = new Set<string>();

  private constructor(
    readonly model: Model,
    private readonly network: string,
    private readonly index: number,
  ) {}

  static async start(index: number): Promise<Node> {
    const globalStore = counting(await openStore(storeUrl, {}), traffic);
    const model = await createTestModel({ globalStore, leaseTtlSeconds: 15, advertise: '192.0.2.1' });
    // The store may be slow while others join.
    await until('the node has joined', () => hasJoined(model), Boolean, 120_000);
    const network = `net${index % Number(networks)}`;
    const { containers } = model;
    await containers.create({ name: `keeper-${index}`, image: 'x', networkMode: network });
    await startAgainAndAgain(() => containers.start(`keeper-${index}`));
    await containers.create({ name: `mover-${index}`, image: 'x', networkMode: 'bridge' });
    await containers.start(`mover-${index}`);
    const node = new Node(model, network, index);
    node.#watch();
    return node;
  }

  get isFree(): boolean {
    return !this.#isBusy;
  }

  get isAttached(): boolean {
    return this.#isAttached;
  }

  async toggle(): Promise<void> {
    this.#isBusy = true;
    const { containers, directory, networks } = this.model;
    const mover = `mover-${this.index}`;
    try {
      const start = now();
      if (this.#isAttached) await containers.disconnect(this.network, mover, false);
      else await containers.connect(this.network, mover, {});
      this.#isAttached = !this.#isAttached;
      const at = now();
      if (!this.#isAttached) return;
      const own = directory.endpointsOf(networks.find(this.network).id);
      const endpoint = own.find(({ containerName }) => containerName === mover)?.id ?? '';
      attached.push({ endpoint, at, took: at - start });
    } catch (error) {
      failures.push(messageOf(error));
    } finally {
      this.#isBusy = false;
    }
  }

  #watch(): void {
    const { directory, networks, nodeLease } = this.model;
    nodeLease.lease('global').lost.addEventListener('abort', () => {
      lost += 1;
    });
    const { id } = networks.find(this.network);
    const look = (report: boolean) => {
      for (const { id: endpoint, containerName } of directory.endpointsOf(id)) {
        if (this.#known.has(endpoint)) continue;
        this.#known.add(endpoint);
        if (report && containerName !== `mover-${this.index}`) seen.push({ endpoint, at: now() });
      }
    };
    look(false);
    directory.subscribe((changed) => changed.has(id) && look(true));
  }
}

/** While all nodes join at once a call may be answered too late, or lose against others too often. */
async function startAgainAndAgain(start: () => Promise<unknown>): Promise<void> {
  const failed = async () => {
    try {
      await start();
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };
  await until('the container has started', failed, (failure) => failure === undefined, 120_000);
}

function hasJoined({ nodeLease }: Model): boolean {
  try {
    return !nodeLease.lease('global').lost.aborted;
  } catch {
    return false;
  }
}

/** Those that have not joined in time are left out; a busy machine simulates fewer. */
async function join(seconds: number): Promise<void> {
  let next = Number(first);
  const end = next + Number(count);
  const deadline = now() + seconds * 1000;
  const work = async () => {
    while (next < end && now() < deadline) {
      const index = next;
      next += 1;
      await Node.start(index).then(
        (node) => nodes.push(node),
        (error: unknown) => failures.push(messageOf(error)),
      );
    }
  };
  await Promise.all(Array.from({ length: joinsAtOnce }, work));
}

/** Each due attach takes a node that is not attached, and detaches another one. */
async function churn(perSecond: number, seconds: number): Promise<void> {
  const start = now();
  const running = new Set<Promise<void>>();
  for (let done = 0; done < perSecond * seconds; done += 1) {
    const wait = start + (done * 1000) / perSecond - now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    for (const wanted of [false, true]) {
      const from = Math.floor(Math.random() * nodes.length);
      const inTurn = [...nodes.slice(from), ...nodes.slice(0, from)];
      const node = inTurn.find((candidate) => candidate.isFree && candidate.isAttached === wanted);
      if (!node) continue;
      const work = node.toggle().finally(() => running.delete(work));
      running.add(work);
    }
  }
  await Promise.all(running);
}

function report(): Answer {
  const known = nodes.map(({ model }) => model.directory.nodes().length);
  const result = {
    ...{ joined: nodes.length, traffic: { ...traffic }, lost, fewestNodes: Math.min(...known) },
    ...{ megabytes: process.memoryUsage.rss() / 2 ** 20 },
    ...{ attached: attached.splice(0), seen: seen.splice(0), failures: failures.splice(0) },
  };
  return result;
}

process.on('message', async (message) => {
  const order = orderSchema.parse(message);
  if (order.order === 'join') await join(order.seconds);
  if (order.order === 'churn') await churn(order.perSecond, order.seconds);
  process.send?.(report());
});
process.on('disconnect', () => process.exit());
