import type { Container, Health, RestartPolicy } from '../../container/container.ts';
import { ExitWaiters } from '../../container/exits.ts';
import type { HealthReport } from '../../container/health/health-check.ts';
import { HealthMonitors } from '../../container/health/monitors.ts';
import { ownRuntime, type Runtime } from '../../container/runtime.ts';
import { parseSignal } from '../../container/signals.ts';
import { FairleadError, isKind, messageOf } from '../../lib/errors.ts';
import { apart } from '../../lib/locks.ts';
import type { NetworkContext } from '../context.ts';
import type { Containers as Contract, CreateContainer, EndpointSettings } from '../model.ts';
import type { Networks } from '../networks/networks.ts';
import { type Attachments, endpointOfGone } from './attachments.ts';
import { containerEvent, lasted, toKill } from './container-event.ts';
import type { Converger } from './converger.ts';
import type { DefaultLinks } from './default-links.ts';
import { findContainer } from './find-container.ts';
import { planContainer } from './plan.ts';
import { Restarts } from './restarts.ts';
import type { Starter } from './start.ts';

const defaultStopSeconds = 10;
const startFailedCode = 128;

/** A container's life, from create to remove. */
export class Containers implements Contract {
  readonly runtime: Runtime;
  readonly #exits = new ExitWaiters();
  readonly #removals = new ExitWaiters();
  readonly #restarts: Restarts;
  readonly #monitors: HealthMonitors;

  constructor(
    private readonly parts: NetworkContext,
    private readonly networks: Networks,
    private readonly converger: Converger,
    private readonly starter: Starter,
    private readonly attachments: Attachments,
    private readonly links: Pick<DefaultLinks, 'unlink'>,
  ) {
    this.runtime = parts.runtime;
    this.#monitors = new HealthMonitors({
      runtime: ownRuntime(parts.runtime),
      clock: parts.clock,
      log: parts.log,
      onHealth: (id, health) => this.#checked(id, health),
    });
    this.#restarts = new Restarts(parts, (id, isWanted) =>
      this.converger.exclusively(id, async () => {
        if (isWanted()) await this.#start(id);
      }),
    );
  }

  /** From now on the restart policies hold, and health is checked; containers of an earlier daemon are looked at now. */
  beginRestarts(): void {
    this.#restarts.begin();
    for (const container of this.list()) {
      if (container.state.status === 'running') this.#monitors.begin(container);
    }
  }

  close(): void {
    this.#restarts.close();
    this.#monitors.close();
  }

  /** From now on, containers that end leave their networks. */
  watchExits(): void {
    this.runtime.onExit((id, exitCode) => {
      const container = this.runtime.get(id);
      if (!container) return;
      this.#monitors.end(id);
      this.#emit(container, 'die', { execDuration: lasted(container), exitCode: String(exitCode) });
      apart(() => this.converger.exclusively(id, () => this.#afterExit(id, exitCode))).catch(
        (error: unknown) =>
          this.parts.log.error(
            { err: error },
            `after the end of container ${container.name}: ${messageOf(error)}`,
          ),
      );
    });
  }

  list(): readonly Container[] {
    return this.runtime.list();
  }

  find(ref: string): Container {
    return findContainer(ref, this.list());
  }

  async create(request: CreateContainer): Promise<Container> {
    return await this.parts.locks.shared(async () => {
      const container = await this.runtime.create(
        planContainer(request, this.networks, (ref) => this.find(ref)),
      );
      this.#emit(container, 'create');
      return container;
    });
  }

  async start(ref: string): Promise<Container> {
    const { id } = this.find(ref);
    return await this.converger.exclusively(id, async () => {
      await this.#restarts.started(id);
      return await this.#start(id);
    });
  }

  async stop(ref: string, timeoutSeconds?: number, signal?: string): Promise<void> {
    const { id } = this.find(ref);
    if (signal) parseSignal(signal);
    await this.converger.exclusively(id, () => this.#stop(id, timeoutSeconds, signal));
  }

  async restart(ref: string, timeoutSeconds?: number, signal?: string): Promise<void> {
    const { id } = this.find(ref);
    if (signal) parseSignal(signal);
    await this.converger.exclusively(id, async () => {
      await this.#stop(id, timeoutSeconds, signal);
      await this.#restarts.started(id);
      this.#emit(await this.#start(id), 'restart');
    });
  }

  async kill(ref: string, signal: string): Promise<void> {
    const [container, number] = toKill(ref, () => [this.find(ref), parseSignal(signal)]);
    if (container.state.status !== 'running') {
      throw new FairleadError(
        'conflict',
        `cannot kill container: ${ref}: container ${container.id} is not running`,
      );
    }
    // Whichever signal it is, as the Engine does: the next end is what a person asked for.
    await this.#restarts.stopped(container.id);
    // Before the end that it may bring, so that whoever follows the events sees why.
    this.#emit(container, 'kill', { signal: String(number) });
    await this.runtime.signal(container.id, signal);
    // After a fatal signal the caller may rely on the names being gone, as after a stop.
    await this.converger.exclusively(container.id, () => this.#leaveIfEnded(container.id));
  }

  wait(ref: string, condition: 'not-running' | 'next-exit' | 'removed'): Promise<number> {
    const { id, state } = this.find(ref);
    if (condition === 'not-running' && state.status !== 'running') return Promise.resolve(state.exitCode);
    return (condition === 'removed' ? this.#removals : this.#exits).wait(id);
  }

  async remove(ref: string, options: { readonly force?: boolean } = {}): Promise<void> {
    const { id } = this.find(ref);
    await this.converger.exclusively(id, async () => {
      const container = this.runtime.get(id);
      if (!container) return;
      const running = container.state.status === 'running';
      if (!options.force && (running || container.supervision?.restarting)) {
        const state = running ? 'running' : 'restarting';
        throw new FairleadError(
          'conflict',
          `cannot remove container "${container.name}": container is ${state}: stop the container before removing or force remove`,
        );
      }
      if (running) await this.#killNow(container);
      await this.#restarts.stopped(id);
      if (this.runtime.get(id)) await this.#remove(id);
    });
  }

  async rename(ref: string, name: string): Promise<void> {
    const { id, name: oldName } = this.find(ref);
    if (name === oldName) {
      throw new FairleadError('invalid', 'Renaming a container with the same name as its current name');
    }
    await this.converger.exclusively(id, async () => {
      const container = await this.runtime.update(id, { name });
      await this.attachments.show(id);
      this.#emit(container, 'rename', { oldName: `/${oldName}` });
    });
  }

  async setRestart(ref: string, restart: RestartPolicy | undefined): Promise<void> {
    const { id } = this.find(ref);
    await this.converger.exclusively(id, () => this.runtime.update(id, { restart: restart ?? 'none' }));
  }

  async setLimits(ref: string, limits: Readonly<Record<string, unknown>>): Promise<void> {
    const { id } = this.find(ref);
    await this.converger.exclusively(id, () => this.runtime.update(id, { limits }));
  }

  unlink(ref: string, alias: string): Promise<void> {
    return this.links.unlink(ref, alias);
  }

  async setHealth(ref: string, health: Health | 'none'): Promise<void> {
    const { id } = this.find(ref);
    await this.converger.exclusively(id, async () => {
      this.#monitors.end(id);
      await this.#setHealth(id, health);
    });
  }

  health(id: string): HealthReport {
    return this.#monitors.report(id);
  }

  async #setHealth(id: string, health: Health | 'none'): Promise<void> {
    const container = await this.runtime.update(id, { health });
    await this.attachments.show(id);
    if (health !== 'none') this.#emit(container, `health_status: ${health}`);
  }

  /** What a check found. Its container may have ended meanwhile. */
  async #checked(id: string, health: Health): Promise<void> {
    await this.converger.exclusively(id, async () => {
      const { state, spec } = this.runtime.get(id) ?? {};
      if (state?.status === 'running' && spec?.healthcheck) await this.#setHealth(id, health);
    });
  }

  async connect(networkRef: string, containerRef: string, settings: EndpointSettings = {}): Promise<void> {
    // Of two that do not exist the Engine names the container.
    const { id } = this.find(containerRef);
    await this.attachments.connect(this.networks.find(networkRef), id, settings);
  }

  async disconnect(networkRef: string, containerRef: string, force = false): Promise<void> {
    const container = this.#findOrUndefined(containerRef, force);
    const isGone = this.networks.named(networkRef) === undefined;
    if (isGone && container && (await this.attachments.forget(networkRef, container.id))) return;
    const network = this.networks.find(networkRef);
    if (container) await this.attachments.disconnect(network, container.id);
    else await this.attachments.evict(network, await endpointOfGone(this.networks, network, containerRef));
  }

  async #start(id: string): Promise<Container> {
    const container = this.converger.require(id);
    if (container.state.status === 'running') return container;
    try {
      // Before it is on its networks: DNS is to know it as it begins.
      const health = container.spec.healthcheck ? 'starting' : 'none';
      if (container.health ?? container.spec.healthcheck) await this.runtime.update(id, { health });
      const started = await this.starter.start(this.converger.require(id));
      this.#emit(started, 'start');
      this.#monitors.begin(started);
      return started;
    } catch (error) {
      // As the Engine: what was to go after its end goes when it cannot begin.
      if (container.spec.autoRemove) await this.#remove(id);
      else await this.#noteFailure(id, error);
      throw error;
    }
  }

  /** The code of a program that could not be run is known better (127, 126); 128 is the Engine's for all else. */
  async #noteFailure(id: string, error: unknown): Promise<void> {
    const { state } = this.converger.require(id);
    const exitCode = [126, 127].includes(state.exitCode) ? state.exitCode : startFailedCode;
    await this.runtime.update(id, { failure: { error: messageOf(error), exitCode } });
  }

  async #stop(id: string, timeoutSeconds?: number, signal?: string): Promise<void> {
    const container = this.converger.require(id);
    await this.#restarts.stopped(id);
    const { state, spec } = container;
    if (state.status !== 'running') return;
    const first = signal || spec.stopSignal || 'SIGTERM';
    this.#emit(container, 'kill', { signal: String(parseSignal(first)) });
    await this.runtime.stop(id, timeoutSeconds ?? spec.stopTimeout ?? defaultStopSeconds, first);
    await this.#leaveIfEnded(id);
    this.#emit(container, 'stop');
  }

  /** Of a container that is to be removed by force: it is not asked first. */
  async #killNow(container: Container): Promise<void> {
    await this.#restarts.stopped(container.id);
    this.#emit(container, 'kill', { signal: String(parseSignal('SIGKILL')) });
    await this.runtime.signal(container.id, 'SIGKILL').catch((error: unknown) => {
      // It may just have ended by itself, which is what was wanted.
      if (this.runtime.get(container.id)?.state.status === 'running') throw error;
    });
    await this.#leaveIfEnded(container.id);
  }

  async #afterExit(id: string, exitCode: number): Promise<void> {
    await this.#leaveIfEnded(id);
    const ended = this.runtime.get(id);
    // As the Engine: nobody serves any more, and no event tells of it.
    if (ended?.health && ended.state.status === 'exited')
      await this.runtime.update(id, { health: ended.spec.healthcheck ? 'unhealthy' : 'none' });
    const container = this.runtime.get(id);
    if (container?.spec.autoRemove && container.state.status === 'exited') await this.#remove(id);
    else await this.#restarts.afterExit(id);
    this.#exits.tell(id, exitCode);
  }

  async #remove(id: string): Promise<void> {
    const container = this.converger.require(id);
    await this.#leaveIfEnded(id);
    await this.runtime.remove(id);
    this.#monitors.forget(id);
    this.#emit(container, 'destroy');
    for (const waiters of [this.#exits, this.#removals]) waiters.tell(id, container.state.exitCode);
  }

  async #leaveIfEnded(id: string): Promise<void> {
    const container = this.runtime.get(id);
    if (container && container.state.status !== 'running') await this.converger.converge(id);
  }

  #findOrUndefined(ref: string, force: boolean): Container | undefined {
    try {
      return this.find(ref);
    } catch (error) {
      if (force && isKind(error, 'not-found')) return undefined;
      throw error;
    }
  }

  #emit(container: Container, action: string, more: Record<string, string> = {}): void {
    this.parts.events.emit(containerEvent(container, action, more));
  }
}
