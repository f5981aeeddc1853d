import { FairleadError } from '../src/lib/errors.ts';

/**
 * The contract between the model and the place where its state lives. Every backend passes the one suite
 * in test/contract/store.ts against its real server; no backend has features beyond it.
 *
 * Keys are `/`-separated paths without a leading slash (`networks/3f…`), of characters that
 * `encodeKeyPart` leaves alone. A key is either a leaf or a folder, never both. Values are UTF-8 text of
 * at most 64 KiB. A folder prefix ends in `/`.
 *
 * When the server cannot be reached every method but `watch`, `status` and `close` rejects with kind
 * `unavailable`, within seconds, and without having changed anything it does not report. A server that answers and
 * refuses is told from that: a `StoreRefusal`, after which nothing was changed. A conflict is neither, but a result.
 */
export interface Store {
  /** The entry of exactly this key. */
  get(key: string): Promise<Entry | undefined>;

  /** Every entry below the folder, at any depth, sorted by key. One consistent moment where the server has it. */
  list(prefix: string): Promise<readonly Entry[]>;

  /**
   * All or nothing: if every check holds, every write is done, and a reader or watcher never sees a part.
   * A key is named at most once among the checks and once among the writes; checks and writes together
   * are at most `maxCommitSize`, all values `maxCommitBytes`. A failed check is a result, not an error.
   * Deleting an absent key is no error. A put without a lease takes the key off the lease it was on.
   */
  commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult>;

  /**
   * What lies below the folder: first a snapshot, then changes in commit order. After any gap (connection
   * lost, compaction, session expired) a snapshot again, so a watcher that replaces its state on a
   * snapshot and applies changes misses nothing. While the server is away the iteration waits. It ends
   * only by the caller's `return()` (or `break`) and by `close()` of the store; it throws only then.
   */
  watch(prefix: string): AsyncIterableIterator<WatchEvent>;

  /**
   * A lease, kept alive by this process. Keys put with it vanish when it ends: on `revoke`, or after
   * `ttlSeconds` without this process. With the ticket of a lease that an earlier process left to its TTL it is
   * that one, with its keys, as long as it lives and has this TTL; else a new one.
   */
  lease(ttlSeconds: number, ticket?: string): Promise<Lease>;

  /** Never throws, never waits. */
  status(): StoreStatus;

  /** Ends watches and keep-alives. Leases are left to their TTL: the process may come back for its keys. */
  close(): Promise<void>;
}

/** Checks plus writes of one commit; Consul's transaction limit of 64 operations at two per key. */
export const maxCommitSize = 32;
/** Bytes of a value. */
export const maxValueSize = 64 * 1024;
/** Bytes of the values of one commit; Consul takes transactions of 512 KiB, in base64. */
export const maxCommitBytes = 5 * maxValueSize;

export interface Entry {
  readonly key: string;
  readonly value: string;
  /** Opaque; changes with every put of the key, and is never used again for another value of it. */
  readonly version: string;
  /** Id of the lease that the key is on; absent: none. */
  readonly lease?: string;
}

export type Check =
  | { readonly key: string; readonly expect: 'absent' }
  | { readonly key: string; readonly expect: 'version'; readonly version: string };

/** `found` is the version of the check's key, undefined where there is none. */
export function holds(check: Check, found: string | undefined): boolean {
  return check.expect === 'absent' ? found === undefined : found === check.version;
}

export type Write =
  | { readonly op: 'put'; readonly key: string; readonly value: string; readonly lease?: Lease }
  | { readonly op: 'delete'; readonly key: string };

export type CommitResult =
  /** `versions` has the new version of every key that was put. */
  | { readonly ok: true; readonly versions: ReadonlyMap<string, string> }
  /** `failed` is the key of one check that did not hold. */
  | { readonly ok: false; readonly failed: string };

export type WatchEvent =
  | { readonly type: 'snapshot'; readonly entries: readonly Entry[] }
  | { readonly type: 'changes'; readonly changes: readonly Change[] };

export type Change =
  | { readonly op: 'put'; readonly entry: Entry }
  | { readonly op: 'delete'; readonly key: string };

export interface Lease {
  readonly id: string;
  readonly ttlSeconds: number;
  /** What a later process takes the lease up again with. A secret: who has it can do as its owner. */
  readonly ticket: string;
  /**
   * Aborted when the lease is lost or must be taken for lost: no renewal has been confirmed for
   * `ttlSeconds` by this process's own monotonic clock. Terminal: ask the store for a new lease.
   */
  readonly lost: AbortSignal;
  /**
   * The listener is called when no renewal has been confirmed for five sixths of the TTL: what nobody else may have at
   * the same time is to be let go of now, before the server gives it away. The lease may still be renewed.
   */
  onDoubt(listener: () => void): void;
  /** Ends the lease and deletes its keys now. Repeatable; resolves even when the server is away. */
  revoke(): Promise<void>;
}

export interface StoreStatus {
  /** How users know it: `embedded`, `consul:localhost:8500`. Never holds a secret. */
  readonly name: string;
  readonly reachable: boolean;
  /** Since when it is in this state, Unix time in milliseconds. */
  readonly since: number;
  /** Why it is not reachable, in one line. */
  readonly reason?: string;
  /** Reachable, but writes are refused, or those that need room: why, in one line. Reads go on. */
  readonly degraded?: string;
  /** Of which kind the refusal is, where the server refuses reads (`reachable` is false) or writes (`degraded`). */
  readonly refusal?: RefusalReason;
}

export type RefusalReason =
  /** This login may not do it, or is none. */
  | 'unauthorised'
  /** There is no room for it. */
  | 'full';

/** A server's no. It is certain: nothing was changed. */
export class StoreRefusal extends FairleadError {
  constructor(
    readonly reason: RefusalReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super('unavailable', message, options);
  }
}

/**
 * Makes any text fit for one part of a key: ASCII letters, digits and `-_.:` stay, the rest is %XX.
 * ZooKeeper refuses the parts `.` and `..`, so their dots are encoded too.
 */
export function encodeKeyPart(text: string): string {
  const special = /^\.+$/.test(text) ? /[^A-Za-z0-9_:-]/gu : /[^A-Za-z0-9_.:-]/gu;
  return text.replace(special, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}
