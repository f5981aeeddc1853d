import type { Attachment, Container } from '../../container/container.ts';
import type { Survey } from '../../dataplane/inspection.ts';
import type { Timer } from '../../lib/clock.ts';
import { isKind, messageOf } from '../../lib/errors.ts';
import { mapConcurrent } from '../../lib/map-concurrent.ts';
import type { NetworkContext } from '../context.ts';
import type { Networks } from '../networks/networks.ts';
import { ourNetworks } from '../networks/predefined.ts';
import { removeNetwork } from '../networks/removal.ts';
import { atOnce, attempt } from './attempt.ts';
import type { LocalClaims } from './local-claims.ts';
import type { Sweeper } from './sweep.ts';

const intervalMs = 60_000;
/** Addresses that nobody has can wait until the start is through, which people do wait for. */
const sweepAfterMs = 1_000;

export interface ReconcileOptions {
  /** Left-over addresses are left to `sweepAll`. */
  readonly addressesLater?: boolean;
  /** Sandboxes are put right inside as well, as at the start. */
  readonly thorough?: boolean;
}

/**
 * Makes the kernel match the records: at start, when a lease was replaced, and every minute. Containers'
 * own records are the truth of what this node has on networks; endpoints, addresses and kernel objects of
 * ours that none of them claims are left-overs of a crash and go.
 */
export class Reconciler {
  #timer: Timer | undefined;
  #first: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #passed = false;

  constructor(
    private readonly parts: NetworkContext,
    private readonly networks: Networks,
    private readonly claims: LocalClaims,
    private readonly sweeper: Sweeper,
  ) {}

  start(): void {
    const { clock } = this.parts;
    this.#timer = clock.every(intervalMs, () => this.run());
    this.#first = clock.after(sweepAfterMs, () => this.sweepAll());
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#first?.cancel();
    await this.#running;
  }

  /** One pass; a step that fails is logged, and the others are done all the same. */
  run(options: ReconcileOptions = {}): Promise<void> {
    this.#running = this.#running.then(async () => {
      await attempt(this.parts, 'all', () => this.#pass(options));
    });
    return this.#running;
  }

  /** Looks on every network for what this node lost sight of (Sweeper.sweepNetworks); nobody waits for it. */
  sweepAll(): void {
    this.#running = this.#running.then(() =>
      this.parts.locks.alone(() => this.sweeper.sweepNetworks({ all: true })),
    );
  }

  async #pass({ addressesLater = false, thorough = false }: ReconcileOptions): Promise<void> {
    const { parts, claims } = this;
    await attempt(parts, 'predefined networks', () => this.networks.ensurePredefined());
    await attempt(parts, 'half-done removals', () => this.#finishRemovals());
    const before = await this.#survey();
    await attempt(parts, 'networks', () => this.#setUpNetworks());
    await attempt(parts, 'address managers', () => parts.ipam.remote.replay());
    const present = before && !thorough ? inPlace(parts.runtime.list(), before) : undefined;
    await mapConcurrent(parts.runtime.list(), atOnce, (container) =>
      attempt(parts, `container ${container.name}`, () => claims.assert(container, present)),
    );
    await attempt(parts, 'containers', () => claims.settle());
    if (parts.directory.complete() && claims.complete()) {
      await attempt(parts, 'firewall', () => parts.firewall.allKnown());
    }
    await parts.locks.alone(async () => {
      await this.sweeper.sweep();
      if (!addressesLater) await this.sweeper.sweepNetworks();
    });
  }

  /**
   * What the kernel has as it should needs no second look, but for the first time, when nothing is known of it. Where
   * the firewall was changed this look makes the next write whole, equal rules or not.
   */
  async #survey(): Promise<Survey | undefined> {
    const first = !this.#passed;
    this.#passed = true;
    if (first) return undefined;
    const { runtime, dataplane } = this.parts;
    try {
      const stacked = runtime
        .list()
        .filter(
          ({ id, state, attachments }) =>
            state.status === 'running' && runtime.sandboxOf(id) === id && attachments.some(isStacked),
        );
      return await dataplane.survey(stacked.map(({ id }) => id));
    } catch (error) {
      this.parts.log.error({ err: error }, `reconcile survey: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Those that should be here and those that are: a network of this host is there with or without containers. */
  async #setUpNetworks(): Promise<void> {
    const { presence, locks } = this.parts;
    const local = ourNetworks(this.parts).filter(({ scope }) => scope === 'local');
    const all = new Map([...presence.list(), ...local].map(({ id, name }) => [id, name]));
    for (const [id, name] of all) {
      await attempt(this.parts, `network ${name}`, () => locks.shared(() => presence.converge(id)));
    }
    await locks.shared(() => presence.repair());
  }

  /** Removals that this node had begun when it died. */
  async #finishRemovals(): Promise<void> {
    const { directory, nodeLease, locks } = this.parts;
    const ours = directory.networks().filter(({ removing }) => removing?.nodeId === nodeLease.self.id);
    for (const { id, name } of ours) {
      await attempt(this.parts, `removal of network ${name}`, async () => {
        try {
          await locks.shared(() => locks.run('network', id, () => removeNetwork(this.parts, id)));
        } catch (error) {
          if (!isKind(error, 'forbidden') && !isKind(error, 'not-found')) throw error;
        }
      });
    }
  }
}

function isStacked(attachment: Attachment): boolean {
  return attachment.interface?.source.kind === 'stacked';
}

/** Host ends that are ports of the bridge they belong in, and stacked interfaces that are there: they need no second look. */
function inPlace(containers: readonly Container[], { hostEnds, sandboxes }: Survey): ReadonlySet<string> {
  const bridges = new Map(hostEnds.map(({ name, bridge, up }) => [name, up ? bridge : undefined]));
  const inside = new Map(sandboxes.map(({ id, interfaces }) => [id, interfaces.filter(({ up }) => up)]));
  const right = containers.flatMap(({ id, attachments }) =>
    attachments.flatMap(({ interface: made }) => {
      if (!made) return [];
      const { name, source } = made;
      const isThere = inside.get(id)?.some((one) => one.name === name) ?? false;
      const isRight = source.kind === 'veth' ? bridges.get(source.hostName) === source.bridge : isThere;
      return isRight || source.kind === 'existing' ? [source.hostName] : [];
    }),
  );
  return new Set(right);
}
