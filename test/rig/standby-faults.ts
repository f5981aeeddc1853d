import { MemoryFairlead } from '../../src/testing/memory-fairlead.ts';
import type { MemoryNode } from '../../src/testing/node/memory-node.ts';
import { Random } from './random.ts';
import { until } from './until.ts';

const leaseSeconds = 3;

/** What a schedule of faults has found. */
export interface StandbyReport {
  readonly faults: number;
  readonly takeovers: number;
  readonly violations: readonly string[];
}

/**
 * A service with a candidate on each of three nodes of the simulated mode, and faults from a seed: programs end, checks fail,
 * nodes die, the store goes away from one or all, standbys are detached, attached and promoted, several at once. At
 * every turn of the event loop one container at most has the service; after each calm one has, if any could, with the
 * service's own address.
 */
export async function standbyFaults(seed: number, faults: number): Promise<StandbyReport> {
  const fairlead = await MemoryFairlead.start({ nodes: 3, leaseTtl: `${leaseSeconds}s`, logLevel: 'silent' });
  const run = new Run(fairlead, new Random(seed));
  try {
    await run.setUp();
    while (run.faults < faults) await run.round();
    return { faults: run.faults, takeovers: run.takeovers, violations: run.violations };
  } finally {
    await run.close();
  }
}

class Run {
  faults = 0;
  takeovers = 0;
  readonly violations: string[] = [];
  #address = '';
  #isClosed = false;
  #lastHolder = '';
  readonly #turns = new Map<MemoryNode, Promise<void>>();
  readonly #revived = new Map<MemoryNode, number>();
  readonly #watching: Promise<void>;

  constructor(
    private readonly fairlead: MemoryFairlead,
    private readonly random: Random,
  ) {
    this.#watching = this.#watch();
  }

  async setUp(): Promise<void> {
    const [first] = this.#living();
    await first?.networks.create({ name: 'mh', driver: 'overlay' });
    const published = await first?.services.publish('db.mh');
    this.#address = published?.service.ipv4 ?? '';
    for (const { name, life } of this.fairlead.nodes) {
      const model = life?.daemon.model;
      await until('it knows the service', () => model?.services.find('db.mh').catch(() => undefined));
      await model?.containers.create({ name: `on-${name}`, image: 'x', networkMode: 'mh' });
      await model?.containers.start(`on-${name}`);
      await model?.services.attach('db.mh', `on-${name}`, { standby: true });
    }
  }

  /** Some faults at once, a time of any length, more of them, and then calm. */
  async round(): Promise<void> {
    const before = this.violations.length;
    const what: string[] = [];
    for (let times = 1 + this.random.below(3); times > 0; times -= 1) {
      const batch = Array.from({ length: 1 + this.random.below(2) }, () => this.#fault());
      what.push(...batch.map(({ name }) => name));
      await Promise.all(batch.map(({ done }) => done));
      await this.fairlead.clock.advance(this.random.below(5000));
    }
    await this.#calm();
    await this.#restore();
    if (this.violations.length > before) this.violations.push(`after: ${what.join(', ')}`);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#watching;
    await this.fairlead.close();
  }

  #fault(): { readonly name: string; readonly done: Promise<unknown> } {
    this.faults += 1;
    const [one, two, three] = this.fairlead.nodes;
    if (!one || !two || !three) throw new Error('three nodes');
    const node = this.random.pick([one, two, three]);
    const kinds: Readonly<Record<string, () => Promise<unknown>>> = {
      end: async () => await this.fairlead.container(`on-${node.name}`).exit(1),
      start: async () => await this.#on(node, (model, name) => model.containers.start(name)),
      unhealthy: async () =>
        await this.#on(node, (model, name) => model.containers.setHealth(name, 'unhealthy')),
      healthy: async () => await this.#on(node, (model, name) => model.containers.setHealth(name, 'healthy')),
      cut: async () => node.store.away(),
      mend: async () => await node.store.back(),
      'store away': async () => this.fairlead.store.away(),
      die: async () => await this.#inTurn(node, () => node.die()),
      revive: async () => await this.#revive(node),
      detach: async () =>
        await this.#on(node, async (model, name) => {
          const { service } = await model.services.find('db.mh');
          await model.services.detach(service.id, name);
        }),
      attach: async () =>
        await this.#on(node, (model, name) => model.services.attach('db.mh', name, { standby: true })),
      promote: async () =>
        await this.#on(one, (model) =>
          model.services.promote('db.mh', `on-${node.name}`, { preempt: this.random.below(2) > 0 }),
        ),
    };
    const [name, step] = this.random.pick(Object.entries(kinds) as [[string, () => Promise<unknown>]]);
    // What cannot be done now is refused, which is as good a fault as any.
    const done = step().catch(() => undefined);
    // A promotion waits for its takeover, by the clock that only moves when all faults are there.
    return { name: `${name} ${node.name}`, done: name === 'promote' ? Promise.resolve() : done };
  }

  async #revive(node: MemoryNode): Promise<void> {
    await this.#inTurn(node, async () => {
      if (node.isAlive) return;
      this.#revived.set(node, this.fairlead.clock.now().getTime());
      await node.revive();
    });
  }

  /** A node is dead before it comes back. */
  async #inTurn(node: MemoryNode, step: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(node) ?? Promise.resolve()).then(step);
    this.#turns.set(node, turn);
    await turn;
  }

  async #on<T>(node: MemoryNode, step: (model: Model, name: string) => Promise<T>): Promise<T | undefined> {
    const model = node.life?.daemon.model;
    return model && (await step(model, `on-${node.name}`));
  }

  /** All nodes live, the store is there, and time goes by. */
  async #calm(): Promise<void> {
    for (const node of this.fairlead.nodes) await this.#revive(node);
    await this.fairlead.store.back();
    await this.fairlead.clock.advance((3 * leaseSeconds + 12) * 1000);
    const [model] = this.#living();
    if (!model) return;
    const could = () =>
      this.#living().flatMap(({ containers }) =>
        containers
          .list()
          .filter(
            ({ state, health, attachments }) =>
              state.status === 'running' &&
              health !== 'unhealthy' &&
              attachments.some(({ standby }) => standby !== undefined),
          ),
      );
    const settled = async () => {
      const { providers } = await model.services.find('db.mh');
      return (
        could().length === 0 ||
        (providers.length === 1 && this.#holders().join() === providers[0]?.containerName)
      );
    };
    await until('it is settled', settled, Boolean, 5000).catch(async () => {
      const { providers, candidates } = await model.services.find('db.mh');
      this.violations.push(
        `nobody has it, or not who the records say: ${this.#holders()} and ${providers.map(({ containerName }) => containerName)}; ` +
          `could: ${could().map(({ name }) => name)}; candidates: ${candidates.map(({ containerName, ready }) => `${containerName} ${ready}`)}`,
      );
    });
    const [provider] = (await model.services.find('db.mh')).providers;
    if (provider && provider.ipv4 !== this.#address) this.violations.push(`the address is ${provider.ipv4}`);
    if (provider && provider.containerName !== this.#lastHolder) this.takeovers += 1;
    this.#lastHolder = provider?.containerName ?? this.#lastHolder;
  }

  /** Every container runs, is well and stands by again. */
  async #restore(): Promise<void> {
    for (const node of this.fairlead.nodes) {
      await this.#on(node, async (model, name) => {
        // A node that has just lost its lease refuses for a moment.
        await until('it starts', () => model.containers.start(name).catch(() => undefined));
        await model.containers.setHealth(name, 'healthy');
        const isOne = model.containers.find(name).attachments.some(({ standby }) => standby !== undefined);
        if (!isOne) await model.services.attach('db.mh', name, { standby: true });
      });
    }
  }

  /**
   * Containers that have the service's endpoint and interface. While a daemon was dead nobody could take the service from
   * its container, and when it is back it has to look first.
   */
  #holders(): readonly string[] {
    const isLooking = (node: MemoryNode) =>
      this.fairlead.clock.now().getTime() - (this.#revived.get(node) ?? 0) < 1000;
    const awake = this.fairlead.nodes.filter((node) => !isLooking(node));
    return modelsOf(awake).flatMap(({ containers }) =>
      containers
        .list()
        .filter(
          ({ state, attachments }) =>
            state.status === 'running' &&
            attachments.some(({ serviceId, endpoint }) => serviceId !== undefined && endpoint !== undefined),
        )
        .map(({ name }) => name),
    );
  }

  #living(): readonly Model[] {
    return modelsOf(this.fairlead.nodes);
  }

  async #watch(): Promise<void> {
    let seen = '';
    while (!this.#isClosed) {
      const holders = this.#holders();
      const text = holders.join(' and ');
      if (holders.length > 1 && text !== seen) this.violations.push(`at once: ${text}`);
      seen = text;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function modelsOf(nodes: readonly MemoryNode[]): readonly Model[] {
  return nodes.flatMap(({ life }) => life?.daemon.model ?? []);
}

type Model = NonNullable<MemoryNode['life']>['daemon']['model'];
