import type { Store } from '../../../kvstore/store.ts';
import { folders, keys } from '../../cluster/keys.ts';
import type { Logger } from '../../lib/log.ts';
import { type Inspected, inspected } from './inspected.ts';

/**
 * What was known last of the Engine's running containers, in the embedded store: a daemon that starts while the Engine
 * is away still has their places to keep, since they run on (live-restore).
 */
export class StoredContainers {
  readonly #written = new Map<string, string>();

  constructor(
    private readonly store: Store,
    private readonly log: Logger,
  ) {}

  async load(): Promise<readonly Inspected[]> {
    const entries = await this.store.list(folders.engineContainers);
    return entries.flatMap(({ key, value }) => {
      const parsed = inspected.safeParse(parseJson(value));
      if (!parsed.success) {
        this.log.error({ key, err: parsed.error }, `record ${key} is left alone, it cannot be read`);
        return [];
      }
      this.#written.set(parsed.data.Id, value);
      return [parsed.data];
    });
  }

  /** After: it is kept if it runs. */
  async put(found: Inspected): Promise<void> {
    if (found.State.Pid === 0) return await this.drop(found.Id);
    // Whatever secrets its environment has are not ours to keep.
    const value = JSON.stringify({ ...found, Config: { ...found.Config, Env: [] } });
    if (this.#written.get(found.Id) === value) return;
    await this.store.commit([], [{ op: 'put', key: keys.engineContainer(found.Id), value }]);
    this.#written.set(found.Id, value);
  }

  async drop(id: string): Promise<void> {
    if (!this.#written.delete(id)) return;
    await this.store.commit([], [{ op: 'delete', key: keys.engineContainer(id) }]);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
