import type { Container } from '../container/runtime.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';
import { SerialQueue } from '../lib/serial-queue.ts';
import type { Naming } from '../network/model.ts';
import { parseAppName, parseProcessType, runType } from './app-names.ts';
import { AppRecords } from './app-records.ts';
import { Deploys } from './deploy/deploys.ts';
import { listenerOf } from './deploy/listeners.ts';
import { Phases } from './deploy/phases.ts';
import { placementOf, requireNetworks } from './deploy/placement.ts';
import type { AppDeps, Step, Tell } from './deps.ts';
import { type AppContainer, appContainers, asAppContainer, isPassing, isRetired } from './labels.ts';
import { givenNaming, type ReachableName, reachableNames } from './names.ts';
import { parseProperty, withProperty } from './properties.ts';
import { type App, buildType, emptyApp, namingOf, type Process, processOf } from './records.ts';
import { appReport, globalReport, type Report } from './report.ts';

/** What the API offers of apps: Dokku's commands. Each takes what a person typed and throws FairleadErrors only. */
export class Apps {
  readonly #records: AppRecords;
  readonly #deploys: Deploys;
  readonly #phases: Phases;
  /** One deploy of an app at a time. */
  readonly #queue = new SerialQueue();

  constructor(private readonly deps: AppDeps) {
    this.#records = new AppRecords(deps.directory);
    this.#deploys = new Deploys(deps);
    this.#phases = new Phases(deps);
  }

  /** Those with a record, and those that containers of this host say they belong to. */
  async list(): Promise<readonly App[]> {
    const recorded = await this.#records.list();
    const known = new Set(recorded.map(({ name }) => name));
    const labelled = new Set(appContainers(this.deps.model.containers.list()).map(({ app }) => app));
    const others = [...labelled]
      .filter((name) => !known.has(name))
      .flatMap((name) => this.#found(name) ?? []);
    return [...recorded, ...others].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws not-found: `App NAME does not exist` */
  async get(name: string): Promise<App> {
    return (await this.#records.find(name)) ?? this.#found(name) ?? (await this.#records.get(name));
  }

  async create(name: string): Promise<App> {
    return await this.#records.add(emptyApp(parseAppName(name), { web: 1 }, this.deps.model.clock.now()));
  }

  async destroy(name: string): Promise<void> {
    await this.#exclusively(name, async () => {
      await this.get(name);
      await this.#deploys.removeAll(name);
      await this.#records.remove(name);
    });
  }

  /** What there is of it on this host. */
  async deployed(
    name: string,
  ): Promise<{ readonly deployed: boolean; readonly containers: readonly AppContainer[] }> {
    const app = await this.get(name);
    const containers = this.#deploys.serving(name);
    return { deployed: containers.length > 0 || (await this.#records.isDeployed(app)), containers };
  }

  /** What is not given stays. Takes effect at the next rebuild. */
  async setProcess(name: string, type: string, change: Partial<Process>): Promise<void> {
    parseProcessType(type);
    await this.#records.change(name, (app) => ({
      ...app,
      processes: { ...app.processes, [type]: { ...processOf(app, type), ...change } },
    }));
  }

  /** Takes effect at once where the app is deployed. @throws with the scale left as it was when that fails */
  async scale(name: string, scale: Readonly<Record<string, number>>): Promise<readonly Step[]> {
    for (const [type, count] of Object.entries(scale)) checkScale(type, count);
    return await this.#exclusively(name, async () => {
      const { steps, tell } = journal();
      const before = await this.#records.get(name);
      const change = (to: App['scale']) => this.#records.change(name, (app) => ({ ...app, scale: to }));
      const app = await change({ ...before.scale, ...scale });
      if (!(await this.deployed(name)).deployed) return steps;
      try {
        await this.#deploys.scale(app, await this.#records.global(), tell);
      } catch (error) {
        await change(before.scale);
        throw error;
      }
      return steps;
    });
  }

  /** Deploys or redeploys the app on this host. */
  async rebuild(name: string): Promise<readonly Step[]> {
    return await this.#exclusively(name, async () => {
      const { steps, tell } = journal();
      const app = await this.#records.get(name);
      await this.#deploys.rebuild(app, await this.#records.global(), tell);
      await this.#records.markDeployed(app);
      return steps;
    });
  }

  /** A one-off container, not started yet: on its networks, but without the alias; it goes when it ends. */
  async createRun(
    name: string,
    run: { readonly command: readonly string[]; readonly env: readonly string[] } & {
      readonly tty: boolean;
      readonly openStdin: boolean;
    },
  ): Promise<Container> {
    if (run.command.length === 0) throw new FairleadError('invalid', 'No command specified');
    const app = await this.#records.get(name);
    const placement = placementOf(app, await this.#records.global());
    requireNetworks(this.deps.model.networks, { ...placement, postDeploy: [] });
    const number = 1000 + Math.floor(Math.random() * 9000);
    const container = {
      app,
      process: runType,
      type: 'run',
      placement,
      name: `${name}.run.${number}`,
    } as const;
    return await this.#phases.create({ ...container, ...run });
  }

  /** @param name of an app, or `--global` */
  async setProperty(name: string, property: string, values: readonly string[]): Promise<string> {
    if (name === '--global') {
      const parsed = parseProperty({ global: await this.#records.global(), property, values });
      await this.#records.changeGlobal((old) => withProperty(old, parsed));
      return parsed.value;
    }
    const global = await this.#records.global();
    await this.#adopt(name);
    let value = '';
    await this.#records.change(name, (app) => {
      const parsed = parseProperty({ app: app.properties, global, property, values });
      value = parsed.value;
      return { ...app, properties: withProperty(app.properties, parsed) };
    });
    return value;
  }

  /** @param name of an app, or `--global` */
  async report(name: string): Promise<Report> {
    const global = await this.#records.global();
    if (name === '--global') return globalReport(global);
    const { properties } = await this.get(name);
    const { networks } = this.deps.model;
    const web = this.#deploys.serving(name).filter(({ process }) => process === 'web');
    const listeners = web.flatMap(({ container }) => listenerOf(container, networks) ?? []);
    return appReport(properties, global, listeners);
  }

  /** Puts every running container on the networks that it should be on, and under the name that it should have. */
  async rebuildNetwork(name: string): Promise<{ readonly failed: number; readonly steps: readonly Step[] }> {
    return await this.#exclusively(name, async () => {
      const { steps, tell } = journal();
      const app = await this.get(name);
      const placement = placementOf(app, await this.#records.global());
      const running = this.#deploys
        .serving(name)
        .filter(({ container }) => container.state.status === 'running');
      if (running.length > 0) tell('step', `Ensuring network configuration is in sync for ${name}`);
      let failed = 0;
      for (const { container, process } of running) {
        try {
          await this.#phases.ensure(container, placement, namingOf(app, process, placement.tld));
        } catch (error) {
          failed += 1;
          tell('warn', `${container.name}: ${messageOf(error)}`);
        }
      }
      return { failed, steps };
    });
  }

  /** A container that somebody else started, put on a network or retired gets the name of its process, or loses it. */
  async nameContainer(id: string): Promise<void> {
    const one = asAppContainer(this.deps.model.containers.find(id));
    if (one?.type !== 'deploy') return;
    await this.#exclusively(one.app, async () => {
      // A deploy of ours may have had its turn meanwhile.
      const current = this.deps.model.containers.runtime.get(id);
      if (current && isRetired(current)) return await this.#phases.name(current, { aliases: [] });
      if (!current || isPassing(current)) return;
      const given = await givenNaming(this.deps.model.networks, current, `${one.app}.${one.process}`);
      await this.#phases.name(current, given ?? (await this.#namingNow(one)));
    });
  }

  async names(name: string): Promise<readonly ReachableName[]> {
    const app = await this.get(name);
    const here = this.#deploys.serving(name).map(({ process }) => process);
    const processes = [...new Set([...Object.keys(app.scale), ...here])].sort();
    return await reachableNames(this.deps.model.networks, name, processes);
  }

  async #namingNow({ app: name, process }: AppContainer): Promise<Naming> {
    const app = await this.get(name);
    return namingOf(app, process, placementOf(app, await this.#records.global()).tld);
  }

  /** An app without a record, as its containers' labels tell it: a Dokku host's. */
  #found(name: string): App | undefined {
    const serving = this.#deploys.serving(name);
    if (serving.length === 0) return undefined;
    const count = (type: string) => serving.filter(({ process }) => process === type).length;
    const scale = Object.fromEntries(serving.map(({ process }) => [process, count(process)]));
    return emptyApp(name, scale, this.deps.model.clock.now());
  }

  /** A setting of such an app needs a record. */
  async #adopt(name: string): Promise<void> {
    const found = this.#found(name);
    if (found && !(await this.#records.find(name))) await this.#records.add(found);
  }

  #exclusively<T>(name: string, task: () => Promise<T>): Promise<T> {
    return this.#queue.run(name, task);
  }
}

function checkScale(type: string, count: number): void {
  parseProcessType(type);
  if (type === buildType)
    throw new FairleadError('invalid', `The process ${buildType} runs once per rebuild and has no scale`);
  if (Number.isInteger(count) && count >= 0 && count <= maxScale) return;
  throw new FairleadError('invalid', `Invalid count for process type ${type}: ${count}`);
}

/** A typo should not fill the host. */
const maxScale = 1000;

function journal(): { readonly steps: readonly Step[]; readonly tell: Tell } {
  const steps: Step[] = [];
  return { steps, tell: (level, text) => void steps.push({ level, text }) };
}
