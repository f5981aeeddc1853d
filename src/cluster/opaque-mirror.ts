import * as z from 'zod';
import type { Store } from '../../kvstore/store.ts';
import type { Logger } from '../lib/log.ts';
import { type FolderOptions, WatchedFolder } from './watched-folder.ts';

/** A record whose meaning is nobody's business here. */
export interface OpaqueRecord {
  readonly key: string;
  readonly record: Readonly<Record<string, unknown>>;
}

/** A copy of a folder that this layer does not read, so that it can be put back into a store that lost it. */
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
