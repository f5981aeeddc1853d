import { isKind, messageOf } from '../lib/errors.ts';
import type { DaemonEvent } from '../lib/events.ts';
import type { Logger } from '../lib/log.ts';
import type { Model } from '../network/model.ts';
import type { Apps } from './apps.ts';

/**
 * Names containers that we did not deploy: those of a Dokku host, known by their labels. Follows what is started,
 * renamed and put on networks, after a look at what runs already. @returns what ends it
 */
export function followContainers(
  apps: Pick<Apps, 'nameContainer'>,
  { containers, events }: Pick<Model, 'containers' | 'events'>,
  log: Logger,
): () => void {
  const stream = events.subscribe();
  let ended = false;
  const name = async (id: string) => {
    if (ended) return;
    try {
      await apps.nameContainer(id);
    } catch (error) {
      // It may be gone by now, and then has no name to get.
      if (!ended && !isKind(error, 'not-found'))
        log.warn(`name container ${id.slice(0, 12)}: ${messageOf(error)}`);
    }
  };
  void (async () => {
    for (const { id, state } of containers.list()) if (state.status === 'running') await name(id);
    for await (const event of stream) {
      const id = containerOf(event);
      if (id !== undefined) await name(id);
    }
  })();
  // Not waited for: a deploy may hold what is left to do for as long as it takes.
  return () => {
    ended = true;
    void stream.return?.();
  };
}

function containerOf({ Type, Action, Actor }: DaemonEvent): string | undefined {
  if (Type === 'container' && (Action === 'start' || Action === 'rename')) return Actor.ID;
  return Type === 'network' && Action === 'connect' ? Actor.Attributes.container : undefined;
}
