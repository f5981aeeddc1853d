import { isKind, messageOf } from '../lib/errors.ts';
import type { DaemonEvent } from '../lib/events.ts';
import type { Logger } from '../lib/log.ts';
import type { Model } from '../network/model.ts';
import type { Apps } from './apps.ts';

/** Interval for changes without an event, in milliseconds. */
const lookAgainMs = 60_000;

/**
 * Names containers that we did not deploy: those of a Dokku host, known by their labels. Follows what is started,
 * renamed and put on networks, after a look at what runs already. @returns what ends it
 */
export function followContainers(
  apps: Pick<Apps, 'nameContainer'>,
  model: Pick<Model, 'containers' | 'events' | 'clock'>,
  log: Logger,
): () => void {
  const follower = new Follower(apps, model, log);
  void follower.run();
  const again = model.clock.every(lookAgainMs, () => follower.nameAll());
  // Not waited for: a deploy may hold what is left to do for as long as it takes.
  return () => {
    again.cancel();
    follower.end();
  };
}

class Follower {
  #stream: AsyncIterableIterator<DaemonEvent>;
  #isNaming = false;
  #ended = false;

  constructor(
    private readonly apps: Pick<Apps, 'nameContainer'>,
    private readonly model: Pick<Model, 'containers' | 'events'>,
    private readonly log: Logger,
  ) {
    this.#stream = model.events.subscribe();
  }

  async run(): Promise<void> {
    while (!this.#ended) {
      void this.nameAll();
      for await (const event of this.#stream) this.#follow(event);
      // A reader that falls far behind is cut off, and subscribes again.
      if (!this.#ended) this.#stream = this.model.events.subscribe();
    }
  }

  end(): void {
    this.#ended = true;
    void this.#stream.return?.();
  }

  async nameAll(): Promise<void> {
    if (this.#isNaming) return;
    this.#isNaming = true;
    for (const { id, state } of this.model.containers.list())
      if (state.status === 'running') await this.#name(id);
    this.#isNaming = false;
  }

  #follow(event: DaemonEvent): void {
    // What an Engine did before it was reached is in no event.
    if (event.Type === 'daemon') void this.nameAll();
    const id = containerOf(event);
    // One app's deploy must not keep another's containers waiting.
    if (id !== undefined) void this.#name(id);
  }

  async #name(id: string): Promise<void> {
    if (this.#ended) return;
    try {
      await this.apps.nameContainer(id);
    } catch (error) {
      // It may be gone by now, and then has no name to get; with the KV store away the next look is another try.
      if (!this.#ended && !isKind(error, 'not-found') && !isKind(error, 'unavailable'))
        this.log.warn({ err: error }, `name container ${id.slice(0, 12)}: ${messageOf(error)}`);
    }
  }
}

function containerOf({ Type, Action, Actor }: DaemonEvent): string | undefined {
  if (Type === 'container' && (Action === 'start' || Action === 'rename')) return Actor.ID;
  return Type === 'network' && Action === 'connect' ? Actor.Attributes.container : undefined;
}
