import type { Container, RestartPolicy } from '../../container/container.ts';
import { ExitWaiters } from '../../container/exits.ts';
import { type HealthReport, noReport } from '../../container/health/health-check.ts';
import type { Runtime } from '../../container/runtime.ts';
import { FairleadError, isKind } from '../../lib/errors.ts';
import { endpointOfGone } from '../containers/attachments.ts';
import { findContainer } from '../containers/find-container.ts';
import { planContainer } from '../containers/plan.ts';
import type { NetworkContext } from '../context.ts';
import type { Containers, CreateContainer, EndpointSettings } from '../model.ts';
import type { Networks } from '../networks/networks.ts';
import type { EngineAttachments } from './attachments.ts';

const defaultStopSeconds = 10;

/** The Engine's containers: it does what is asked, with restart policies and clean-up of its own. */
export class EngineContainers implements Containers {
  readonly runtime: Runtime;
  readonly #exits = new ExitWaiters();
  readonly #removals = new ExitWaiters();

  constructor(
    parts: NetworkContext,
    private readonly networks: Networks,
    private readonly attachments: EngineAttachments,
  ) {
    this.runtime = parts.runtime;
    this.runtime.onExit((id, exitCode) => this.#exits.tell(id, exitCode));
    parts.engine?.host.onChange((change) => {
      if (change.kind !== 'container' || change.after || !change.before) return;
      const { id, state } = change.before;
      for (const waiters of [this.#exits, this.#removals]) waiters.tell(id, state.exitCode);
    });
  }

  list(): readonly Container[] {
    return this.runtime.list();
  }

  find(ref: string): Container {
    return findContainer(ref, this.list());
  }

  async create(request: CreateContainer): Promise<Container> {
    if ((request.publishServices ?? []).length > 0) {
      throw new FairleadError(
        'unsupported',
        'beside a Docker Engine a container is created first and attached to its services then: ' +
          'docker run --publish-service does so',
      );
    }
    return await this.runtime.create(planContainer(request, this.networks, (ref) => this.find(ref)));
  }

  async start(ref: string): Promise<Container> {
    return await this.runtime.start(this.find(ref).id, { resolvConf: '', hosts: '' });
  }

  async stop(ref: string, timeoutSeconds = defaultStopSeconds, signal?: string): Promise<void> {
    await this.runtime.stop(this.find(ref).id, timeoutSeconds, signal);
  }

  async restart(ref: string, timeoutSeconds = defaultStopSeconds, signal?: string): Promise<void> {
    const { id } = this.find(ref);
    await this.runtime.stop(id, timeoutSeconds, signal);
    await this.start(id);
  }

  async kill(ref: string, signal: string): Promise<void> {
    await this.runtime.signal(this.find(ref).id, signal);
  }

  wait(ref: string, condition: 'not-running' | 'next-exit' | 'removed'): Promise<number> {
    const { id, state } = this.find(ref);
    if (condition === 'not-running' && state.status !== 'running') return Promise.resolve(state.exitCode);
    return (condition === 'removed' ? this.#removals : this.#exits).wait(id);
  }

  async remove(ref: string, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    const { id, state } = this.find(ref);
    if (force && state.status === 'running') await this.runtime.stop(id, 0);
    // What was to go after its end may have gone by itself.
    if (this.runtime.get(id)) await this.runtime.remove(id, { force });
  }

  async rename(ref: string, name: string): Promise<void> {
    await this.runtime.update(this.find(ref).id, { name });
  }

  async setRestart(ref: string, restart: RestartPolicy | undefined): Promise<void> {
    await this.runtime.update(this.find(ref).id, { restart: restart ?? 'none' });
  }

  async setLimits(ref: string): Promise<void> {
    const { name } = this.find(ref);
    throw new FairleadError('unsupported', `the limits of container ${name} are the Docker Engine's`);
  }

  async unlink(ref: string): Promise<void> {
    const { name } = this.find(ref);
    throw new FairleadError('unsupported', `the links of container ${name} are the Docker Engine's`);
  }

  health(): HealthReport {
    return noReport;
  }

  async setHealth(ref: string): Promise<void> {
    const { name } = this.find(ref);
    throw new FairleadError('unsupported', `the health of container ${name} is what the Docker Engine says`);
  }

  async connect(networkRef: string, containerRef: string, settings: EndpointSettings = {}): Promise<void> {
    const network = this.networks.find(networkRef);
    await this.attachments.connect(network, this.find(containerRef).id, settings);
  }

  async disconnect(networkRef: string, containerRef: string, force = false): Promise<void> {
    const network = this.networks.find(networkRef);
    const container = this.#findOrUndefined(containerRef, force);
    if (container) await this.attachments.disconnect(network, container.id);
    else await this.attachments.evict(network, await endpointOfGone(this.networks, network, containerRef));
  }

  #findOrUndefined(ref: string, force: boolean): Container | undefined {
    try {
      return this.find(ref);
    } catch (error) {
      if (force && isKind(error, 'not-found')) return undefined;
      throw error;
    }
  }
}
