import * as z from 'zod';
import type { Store } from '../../../kvstore/store.ts';
import type { Logger } from '../../lib/log.ts';
import { type FolderOptions, WatchedFolder } from '../folders/watched-folder.ts';

/** A record that this layer does not interpret. */
export interface OpaqueRecord {
  readonly key: string;
  readonly record: Readonly<Record<string, unknown>>;
}

/** A copy of a folder of such records, to put them back into a store that has lost them. */
export class OpaqueMirror {
  readonly #folder: WatchedFolder<OpaqueRecord['record']>;

  constructor(
    store: Store,
    prefix: string,
    log: Logger,
    afterGap: FolderOptions<OpaqueRecord['record']>['afterGap'] & {},
  ) {
    const schema = z.record(z.string(), z.unknown());
    this.#folder = new WatchedFolder({ store, prefix, schema, log, afterGap, onChange: () => {} });
  }

  all(): readonly OpaqueRecord[] {
    return [...this.#folder.entries()].map(([key, { record }]) => ({ key, record }));
  }

  stop(): Promise<void> {
    return this.#folder.stop();
  }
}
