import { Cluster, type ClusterNode } from './cluster.ts';
import { chooseCall, containersOf } from './fault-calls.ts';
import { type Records, readRecords, violationsIn } from './invariants.ts';
import { Random } from './random.ts';
import type { StoreKind } from './stores.ts';
import { until } from './until.ts';

export interface FaultPlan {
  readonly kind: StoreKind;
  readonly seed: number;
  /** Of the schedule, in seconds as it is written. */
  readonly scheduleSeconds: number;
  /** So many of those pass in one second of the clock. */
  readonly compression: number;
  /** Told how it goes: a long run shall not look like one that hangs. */
  readonly say: (line: string) => void;
}

export interface FaultFigures {
  readonly operations: number;
  /** How the operations ended, by HTTP status; `lost` when the daemon died meanwhile. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly checks: number;
  readonly violations: readonly string[];
}

const nodes = 3;
/** The least that every kind of server takes for what it is asked. */
const leaseTtl = '4s';
const tellEveryMs = 10_000;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Each kind of fault comes, however short the schedule. */
function inTurn<const T>(kinds: readonly [T, ...T[]], index: number): T {
  return kinds[index % kinds.length] ?? kinds[0];
}

/** Clients, faults and checks at once, all from one seed, for as long as the schedule is; then everything must agree. */
export async function runFaults(plan: FaultPlan): Promise<FaultFigures> {
  const clock = Math.round(plan.scheduleSeconds / plan.compression);
  plan.say(`seed ${plan.seed}: ${plan.scheduleSeconds} s of schedule in ${clock} s, on ${nodes} nodes`);
  await using cluster = await Cluster.start({ kind: plan.kind, nodes, leaseTtl, hosts: true });
  const run = new FaultRun(cluster, plan);
  return await run.toEnd();
}

class FaultRun {
  readonly #outcomes: Record<string, number> = {};
  readonly #faults: Record<string, number> = {};
  readonly #violations: string[] = [];
  /** Nodes that were killed and are not back. */
  readonly #down = new Set<ClusterNode>();
  readonly #end: number;
  /** The address of each node's container that nobody touches. */
  readonly #stable = new Map<ClusterNode, string>();
  #checks = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly plan: FaultPlan,
  ) {
    this.#end = performance.now() + (plan.scheduleSeconds / plan.compression) * 1000;
  }

  async toEnd(): Promise<FaultFigures> {
    await this.#prepare();
    const { seed } = this.plan;
    await Promise.all([
      ...this.cluster.nodes.map((node, i) => this.#operate(node, new Random(seed + i))),
      this.#storeFaults(new Random(seed + 100)),
      this.#nodeFaults(new Random(seed + 200)),
      ...this.cluster.nodes.map((node) => this.#watchOwnName(node)),
      this.#tell(),
    ]);
    await this.#converge();
    return {
      operations: this.#operations,
      outcomes: this.#outcomes,
      faults: this.#faults,
      checks: this.#checks,
      violations: this.#violations,
    };
  }

  get #operations(): number {
    return Object.values(this.#outcomes).reduce((sum, count) => sum + count, 0);
  }

  async #tell(): Promise<void> {
    const start = performance.now();
    while (!this.#isOver) {
      await pause(Math.min(tellEveryMs, Math.max(0, this.#end - performance.now())));
      const seconds = Math.round((performance.now() - start) / 1000);
      const [faults, found] = [Object.values(this.#faults), this.#violations];
      const count = faults.reduce((sum, one) => sum + one, 0);
      this.plan.say(
        `${seconds} s: ${this.#operations} operations, ${count} faults, ${found.length} violations`,
      );
    }
    this.plan.say('faults over; waiting until all agree');
  }

  async #prepare(): Promise<void> {
    await this.cluster.node(1).createNetwork('base');
    for (const node of this.cluster.nodes) {
      await node.knows('base');
      this.#stable.set(node, await node.runOn('base', `stable-${node.name}`));
      for (const name of containersOf(node.name)) await node.runOn('bridge', name);
    }
  }

  get #isOver(): boolean {
    return performance.now() >= this.#end;
  }

  async #operate(node: ClusterNode, random: Random): Promise<void> {
    while (!this.#isOver) {
      const [method, path, body] = chooseCall(node.name, random);
      const { status, text } = await node.daemon
        .call(method, path, body)
        .catch(() => ({ status: 0, text: '' }));
      const outcome = status === 0 ? 'lost' : String(status);
      this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
      const isLocal = JSON.stringify([path, body]).includes('local');
      this.#must(status !== 500, `${method} ${path} on ${node.name}: ${text}`);
      // What does not exist here may exist in a store that has not told yet.
      const works = status < 500 || text.includes('is not known here');
      this.#must(!isLocal || works, `${method} ${path} on ${node.name}: ${status} ${text}`);
      await pause(status === 0 ? 100 : 10 + random.below(60));
    }
  }

  /** Written for the schedule; what takes longer than a lease is among them. */
  async #storeFaults(random: Random): Promise<void> {
    const { server } = this.cluster.running;
    for (let i = 0; !this.#isOver; i += 1) {
      await this.#pass(20 + random.below(60));
      if (this.#isOver) return;
      const name = inTurn(['pause', 'stop', 'cut'], i);
      this.#count(`store ${name}`);
      const seconds = 10 + random.below(90);
      if (name === 'stop') await server.stop();
      else if (name === 'pause') server.pause();
      else for (const { wire } of this.cluster.nodes) await wire.freeze();
      await this.#pass(seconds);
      if (name === 'stop') await server.start();
      else if (name === 'pause') server.resume();
      else for (const { wire } of this.cluster.nodes) await wire.heal();
    }
  }

  async #nodeFaults(random: Random): Promise<void> {
    for (let i = 0; !this.#isOver; i += 1) {
      await this.#pass(20 + random.below(60));
      if (this.#isOver) return;
      const node = this.cluster.nodes[random.below(nodes)];
      if (!node) return;
      const name = inTurn(['kill', 'freeze', 'refuse'], i);
      this.#count(`node ${name}`);
      if (name === 'kill') await this.#killFor(node, 10 + random.below(100));
      else {
        await node.wire[name]();
        await this.#pass(10 + random.below(90));
        await node.wire.heal();
      }
    }
  }

  async #killFor(node: ClusterNode, seconds: number): Promise<void> {
    this.#down.add(node);
    await node.daemon.kill('SIGKILL');
    await this.#pass(seconds);
    await node.daemon.start();
    this.#down.delete(node);
  }

  /** A node knows its own, whatever the store does; it needs it once to know of the network, after a start. */
  async #watchOwnName(node: ClusterNode): Promise<void> {
    const address = this.#stable.get(node) ?? '';
    let known = true;
    while (!this.#isOver) {
      await pause(50);
      const wasDown = this.#down.has(node);
      const seen = await node.ask(address, `stable-${node.name}`).catch(() => undefined);
      const fits = String(seen?.addresses) === address;
      if (wasDown || this.#down.has(node)) known = false;
      else if (!known) known = fits;
      else this.#must(fits, `stable-${node.name} on itself: ${JSON.stringify(seen)}`);
    }
  }

  /** With all faults over, the records of the store, every node's names and the store agree. */
  async #converge(): Promise<void> {
    for (const { wire } of this.cluster.nodes) await wire.heal();
    await this.cluster.allJoined(60_000);
    const look = () => this.#lookAtRecords().catch((error) => ({ checked: 0, violations: [String(error)] }));
    const last = await until(
      'the records agree',
      look,
      ({ violations }) => violations.length === 0,
      90_000,
    ).catch(look);
    this.#checks += last.checked;
    this.#violations.push(...last.violations);
    for (const node of this.cluster.nodes) await this.#seesAll(node);
  }

  async #lookAtRecords(): Promise<ReturnType<typeof violationsIn>> {
    const records = await readRecords(this.cluster.store);
    const { checked, violations } = violationsIn(records);
    const strays = await this.#strays(records);
    return { checked: checked + records.endpoints.size, violations: [...violations, ...strays] };
  }

  /** Endpoints whose container is not on their network, by the word of their own node. */
  async #strays({ endpoints, nodes: living }: Records): Promise<readonly string[]> {
    const strays: string[] = [];
    for (const { name, nodeId, networkId, containerId } of endpoints.values()) {
      const node = this.cluster.nodes.find((one) => one.name === living.get(nodeId)?.name);
      const networks = (await node?.networksOf(containerId)) ?? [];
      if (!networks.includes(networkId)) strays.push(`endpoint ${name} of ${node?.name} is no container's`);
    }
    return strays;
  }

  async #seesAll(node: ClusterNode): Promise<void> {
    const asker = this.#stable.get(node) ?? '';
    for (const [owner, address] of this.#stable) {
      const fits = node.resolves(asker, `stable-${owner.name}`, [address], 20_000);
      const error = await fits.then(
        () => '',
        (problem: unknown) => String(problem),
      );
      this.#must(error === '', error);
    }
  }

  #count(fault: string): void {
    this.#faults[fault] = (this.#faults[fault] ?? 0) + 1;
  }

  #must(holds: boolean, what: string): void {
    this.#checks += 1;
    if (!holds)
      this.#violations.push(`after ${Math.round(performance.now() - this.#end)} ms of the end: ${what}`);
  }

  /** So many seconds of the schedule; never longer than there are left. */
  async #pass(seconds: number): Promise<void> {
    const left = Math.max(0, this.#end - performance.now());
    await pause(Math.min((seconds / this.plan.compression) * 1000, left));
  }
}
