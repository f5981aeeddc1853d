import type { Dataplane } from '../dataplane/dataplane.ts';
import { runAll } from '../lib/undo.ts';
import type { Model } from '../network/model.ts';

/**
 * `--ephemeral`: where containers and networks otherwise outlive the daemon, this one takes them with it.
 * The records go with the data root, which is the caller's.
 */
export async function leaveNothing(
  { containers }: Model,
  dataplane: Pick<Dataplane, 'close'>,
): Promise<void> {
  // An Engine's containers are the Engine's.
  const ours = containers.runtime.kind === 'engine' ? [] : containers.list();
  await runAll([
    ...ours.map(
      ({ id }) =>
        () =>
          containers.remove(id, { force: true }),
    ),
    () => dataplane.close(),
  ]);
}
