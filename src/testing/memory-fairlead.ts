import { createMemoryLedger } from '../../kvstore/local/memory.ts';
import { folders } from '../cluster/keys.ts';
import { FairleadError, isKind } from '../lib/errors.ts';
import { runAll } from '../lib/undo.ts';
import { isPredefined } from '../network/networks/predefined.ts';
import type {
  Answers,
  CommandMatcher,
  ContainerInfo,
  ExecAnswer,
  ExecCall,
  Fairlead,
  FairleadOptions,
  FakeClock,
  FakeContainer,
  FakeStore,
  RunAnswer,
  RunMatcher,
  Script,
} from './contract.ts';
import { CallFaults } from './control/call-faults.ts';
import { controlRoutes } from './control/control.ts';
import { milliseconds } from './duration.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { type Life, MemoryNode } from './node/memory-node.ts';
import { MovableClock } from './node/movable-clock.ts';
import { isNamed, Scripts } from './node/scripts.ts';
import { type Plan, planOf } from './plan.ts';

/** The nodes of one test in one process, and what they share. */
export class MemoryFairlead implements Fairlead {
  readonly #clock: MovableClock;
  readonly #scripts = new Scripts();
  readonly #nodes: readonly MemoryNode[];
  readonly #first: MemoryNode;
  readonly #shared;
  readonly faults = new CallFaults();
  readonly clock: FakeClock;

  static async start(options: FairleadOptions = {}): Promise<MemoryFairlead> {
    const plan = planOf(options);
    const folder = plan.needsFolder ? await makeFolder() : undefined;
    const fairlead = new MemoryFairlead(plan, folder);
    try {
      // One after another: the first one marks the store.
      for (const node of fairlead.#nodes) await node.revive();
      return fairlead;
    } catch (error) {
      await fairlead.close();
      throw error;
    }
  }

  private constructor(
    plan: Plan,
    private readonly folder: string | undefined,
  ) {
    this.#clock = new MovableClock(plan.begin);
    this.#shared = createMemoryLedger(this.#clock);
    const clock = this.#clock;
    this.clock = { now: () => new Date(clock.now()), advance: (by) => clock.advance(milliseconds(by)) };
    const node = (number: number) =>
      new MemoryNode({
        number,
        address: plan.addressOf(number, folder),
        dnsPort: plan.dnsPortOf(number),
        settings: plan.settings,
        clock,
        shared: this.#shared,
        scripts: this.#scripts,
        admit: (request, answer) => this.faults.admit(request, answer),
        routes: (app, self) => controlRoutes(app, this, self),
      });
    this.#first = node(1);
    this.#nodes = [this.#first, ...Array.from({ length: plan.nodes - 1 }, (_, i) => node(i + 2))];
  }

  get nodes() {
    return this.#nodes;
  }

  get host() {
    return this.#first.host;
  }

  get socketPath() {
    return this.#first.socketPath;
  }

  get port() {
    return this.#first.port;
  }

  get env() {
    return this.#first.env;
  }

  get dns() {
    return this.#first.dns;
  }

  get store(): FakeStore {
    return {
      away: (reason) => {
        for (const { store } of this.#nodes) store.away(reason);
      },
      back: async () => {
        await Promise.all(this.#nodes.map(({ store }) => store.back()));
      },
    };
  }

  container(ref: string): FakeContainer {
    return {
      onExec: (matcher, answers) => this.#scripts.onExec(ref, matcher, answers),
      onRun: (answers) => this.onRun((container) => isNamed(container, ref), answers),
      log: (text, stream = 'stdout') => {
        const { id, runtime } = this.#find(ref);
        runtime.write(id, { [stream]: text });
      },
      exit: async (exitCode = 0) => {
        const { id, runtime, daemon } = this.#find(ref);
        if (runtime.get(id)?.state.status !== 'running')
          throw new FairleadError('conflict', `container ${id} is not running`);
        const left = daemon.model.containers.wait(id, 'next-exit');
        await runtime.exit(id, exitCode);
        await left;
      },
      setHealth: async (health) => {
        const { id, daemon } = this.#find(ref);
        await daemon.model.containers.setHealth(id, health);
      },
    };
  }

  onExec(matcher: CommandMatcher, answers: Answers<ExecAnswer, ExecCall>): Script {
    return this.#scripts.onExec(undefined, matcher, answers);
  }

  onRun(matcher: RunMatcher, answers: Answers<RunAnswer, ContainerInfo>): Script {
    return this.#scripts.onRun(matcher, answers);
  }

  async reset(): Promise<void> {
    this.#scripts.clear();
    this.faults.clear();
    await this.store.back();
    for (const node of this.#nodes) await node.revive();
    const models = this.#lives().map(({ daemon }) => daemon.model);
    for (const { containers } of models)
      for (const { id } of [...containers.list()]) await containers.remove(id, { force: true });
    for (const { services } of models)
      for (const { service } of await services.list()) await services.unpublish(service.id, { force: true });
    for (const { networks } of models) {
      const kept = networks.defaultNetwork().id;
      for (const { id, name } of networks.list())
        if (!isPredefined(name) && id !== kept) await networks.remove(id);
    }
    const apps = this.#shared.list(folders.apps);
    for (const { key } of apps) await this.#shared.commit([], [{ op: 'delete', key }]);
  }

  async close(): Promise<void> {
    await runAll([
      ...this.#nodes.map((node) => () => node.close()),
      async () => this.#clock.close(),
      async () => (this.folder === undefined ? undefined : await removeFolder(this.folder)),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #lives(): readonly Life[] {
    return this.#nodes.flatMap(({ life }) => life ?? []);
  }

  /** @throws not-found | invalid, in the Engine's words */
  #find(ref: string): Life & { readonly id: string } {
    for (const life of this.#lives()) {
      try {
        return { ...life, id: life.daemon.model.containers.find(ref).id };
      } catch (error) {
        if (!isKind(error, 'not-found')) throw error;
      }
    }
    throw new FairleadError('not-found', `No such container: ${ref}`);
  }
}
