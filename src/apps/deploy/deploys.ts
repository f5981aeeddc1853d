import { randomBytes } from 'node:crypto';
import type { Container } from '../../container/container.ts';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import { type UndoStack, withUndo } from '../../lib/undo.ts';
import type { AppDeps, Tell } from '../deps.ts';
import { type AppContainer, appContainers, isPassing, retiredName, upcomingName } from '../labels.ts';
import { type App, buildType, namingOf, type Properties } from '../records.ts';
import { Phases } from './phases.ts';
import { type Placement, placementOf, requireNetworks } from './placement.ts';
import { becomeReady } from './readiness.ts';

/** How long a program has to end, in seconds, as Dokku gives it. */
const stopSeconds = 30;

/** A container that is about to serve. */
interface Fresh {
  readonly process: string;
  /** The name that it gets once it serves. */
  readonly finalName: string;
  readonly id: string;
}

/**
 * Replaces an app's containers. The new ones get the alias when they can serve, and before the old ones lose
 * it, so at each moment it resolves to somebody who answers. A failure up to there leaves all as it was.
 */
export class Deploys {
  readonly #phases: Phases;

  constructor(private readonly deps: AppDeps) {
    this.#phases = new Phases(deps);
  }

  /** The containers of this host that serve, sorted by name. */
  serving(app: string): readonly AppContainer[] {
    const natural = new Intl.Collator('en', { numeric: true });
    return this.#ownedBy(app)
      .filter(({ type, container }) => type === 'deploy' && !isPassing(container))
      .sort((a, b) => natural.compare(a.container.name, b.container.name));
  }

  /** Build, then deploy: all containers are new afterwards. @throws with the old ones left serving */
  async rebuild(app: App, global: Properties, tell: Tell): Promise<void> {
    const placement = placementOf(app, global);
    requireNetworks(this.deps.model.networks, placement);
    await this.#build(app, placement, tell);
    const wanted = Object.entries(app.scale)
      .filter(([process]) => process !== buildType)
      .sort()
      .flatMap(([process, count]) => numbers(count).map((n) => ({ process, n })));
    const old = [...this.serving(app.name), ...this.#passing(app.name)];
    await this.#replace(app, placement, wanted, old, tell);
  }

  /** Adds what is missing and takes away what is too much; the others go on as they are. */
  async scale(app: App, global: Properties, tell: Tell): Promise<void> {
    const placement = placementOf(app, global);
    requireNetworks(this.deps.model.networks, placement);
    const serving = this.serving(app.name);
    const named = new Set(serving.map(({ container }) => container.name));
    const slots = Object.entries(app.scale).flatMap(([process, count]) =>
      numbers(count).map((n) => ({ process, n })),
    );
    const wanted = slots.filter(({ process, n }) => !named.has(`${app.name}.${process}.${n}`));
    const kept = new Set(slots.map(({ process, n }) => `${app.name}.${process}.${n}`));
    const surplus = serving.filter(({ container }) => !kept.has(container.name));
    await this.#replace(app, placement, wanted, [...surplus, ...this.#passing(app.name)], tell);
  }

  /** Ends everything of the app on this host, one-off containers included. */
  async removeAll(app: string): Promise<void> {
    for (const { container } of this.#ownedBy(app))
      await this.deps.model.containers.remove(container.id, { force: true });
  }

  async #replace(
    app: App,
    placement: Placement,
    wanted: readonly { readonly process: string; readonly n: number }[],
    old: readonly AppContainer[],
    tell: Tell,
  ): Promise<void> {
    this.#requireFree(
      wanted.map(({ process, n }) => `${app.name}.${process}.${n}`),
      old,
    );
    const fresh = await withUndo(async (undo) => {
      const started: Fresh[] = [];
      for (const slot of wanted) started.push(await this.#startOne(undo, app, placement, slot, tell));
      for (const { id } of started) await becomeReady(this.#readiness(), id);
      for (const network of placement.postDeploy) {
        tell('step', `Associating app with network ${network}`);
        for (const { id, process } of started)
          await this.#phases.attach(this.#find(id), network, namingOf(app, process, placement.tld).aliases);
      }
      for (const { id, process } of started)
        await this.#phases.name(this.#find(id), namingOf(app, process, placement.tld));
      return started;
    });
    await this.#retire(old, tell);
    for (const { id, finalName } of fresh) await this.deps.model.containers.rename(id, finalName);
    await this.#end(old, tell);
  }

  async #startOne(
    undo: UndoStack,
    app: App,
    placement: Placement,
    { process, n }: { readonly process: string; readonly n: number },
    tell: Tell,
  ): Promise<Fresh> {
    const finalName = `${app.name}.${process}.${n}`;
    const { containers } = this.deps.model;
    const name = upcomingName(finalName, tag());
    const { aliases } = namingOf(app, process, placement.tld);
    const { id } = await this.#phases.create({ app, process, type: 'deploy', name, placement, aliases });
    undo.push('container', () => containers.remove(id, { force: true }));
    await containers.start(id);
    tell('step', `Deploying ${process}.${n}`);
    return { process, finalName, id };
  }

  /** From here on nobody is sent to them any more; they answer those who were. */
  async #retire(old: readonly AppContainer[], tell: Tell): Promise<void> {
    for (const { container } of old) {
      try {
        await this.deps.model.containers.rename(container.id, retiredName(container, tag()));
        await this.#phases.name(container, { aliases: [] });
      } catch (error) {
        tell('warn', `Unable to retire ${container.name}: ${messageOf(error)}`);
      }
    }
  }

  async #end(old: readonly AppContainer[], tell: Tell): Promise<void> {
    const running = old.filter(({ container }) => container.state.status === 'running');
    if (running.length > 0) await new Promise((resolve) => setTimeout(resolve, this.deps.retireMs));
    await Promise.all(old.map(({ container }) => this.#endOne(container, tell)));
  }

  async #endOne({ id, name }: Container, tell: Tell): Promise<void> {
    try {
      await this.deps.model.containers.stop(id, stopSeconds);
      await this.deps.model.containers.remove(id, { force: true });
    } catch (error) {
      tell('warn', `Unable to remove ${name}: ${messageOf(error)}`);
    }
  }

  /** Runs the app's build process, if it has one, to its end. @throws conflict when it fails */
  async #build(app: App, placement: Placement, tell: Tell): Promise<void> {
    if (!app.processes[buildType]) return;
    const { containers } = this.deps.model;
    const name = `${app.name}.build.${tag()}`;
    tell('step', `Building ${app.name}`);
    const { id } = await this.#phases.create({ app, process: buildType, type: 'build', name, placement });
    try {
      const exited = containers.wait(id, 'next-exit');
      await containers.start(id);
      // A record runs no program, so there is nothing that it could have built, or failed at.
      if (containers.runtime.kind === 'simulated') return;
      const exitCode = await exited;
      if (exitCode !== 0) throw await this.#buildFailure(id, exitCode);
    } finally {
      await containers.remove(id, { force: true });
    }
  }

  async #buildFailure(id: string, exitCode: number): Promise<FairleadError> {
    const words = await this.#lastWords(id);
    return new FairleadError('conflict', `Build failed with exit code ${exitCode}${words && `: ${words}`}`);
  }

  /** What a daemon left that died during a deploy: it may be all that serves, so it goes as the old ones do. */
  #passing(app: string): readonly AppContainer[] {
    return this.#ownedBy(app).filter(({ type, container }) => type === 'deploy' && isPassing(container));
  }

  /** The last step gives the names, and must not fail. @throws conflict when somebody else has one */
  #requireFree(names: readonly string[], old: readonly AppContainer[]): void {
    const ours = new Set(old.map(({ container }) => container.id));
    const other = this.deps.model.containers
      .list()
      .find(({ id, name }) => names.includes(name) && !ours.has(id));
    if (other) throw new FairleadError('conflict', `The container name ${other.name} is already in use`);
  }

  #ownedBy(app: string): readonly AppContainer[] {
    return appContainers(this.deps.model.containers.list()).filter((one) => one.app === app);
  }

  #find(id: string): Container {
    return this.deps.model.containers.find(id);
  }

  #readiness() {
    const { listeningPorts, patienceMs, model } = this.deps;
    return {
      listeningPorts,
      patienceMs,
      look: (id: string) => model.containers.runtime.get(id),
      lastWords: (id: string) => this.#lastWords(id),
    };
  }

  async #lastWords(id: string): Promise<string> {
    const { runtime } = this.deps.model.containers;
    if (runtime.kind === 'simulated') return '';
    let words = '';
    for await (const { data } of runtime.logs(id, { follow: false, tail: 1 })) words = data.toString().trim();
    return words;
  }
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function tag(): string {
  return randomBytes(4).toString('hex');
}
