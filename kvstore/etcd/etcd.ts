import type { Etcd3, IKeyValue, IRequestOp } from 'etcd3';
import { FairleadError } from '../../src/lib/errors.ts';
import { type Backend, type Grant, neverSent } from '../remote/backend.ts';
import { versionsOfCommit } from '../remote/changes.ts';
import type { StoreOptions } from '../remote/options.ts';
import { ServerList } from '../remote/server-list.ts';
import type { StoreSpec } from '../remote/spec.ts';
import { type Check, type CommitResult, type Entry, holds, type WatchEvent, type Write } from '../store.ts';
import { plainError } from './error.ts';
import { etcdLease, grantEtcdLease } from './lease.ts';
import { EtcdServer } from './server.ts';
import { followEtcd } from './watch.ts';

/** Keys of one answer; 20,000 of 64 KiB in one message would be more than gRPC takes. */
const pageSize = 1000;
/** As the lease of a put it takes the key off the one that it was on. */
const noLease = '0';

/** etcd from 3.4 on, by its v3 API. A version is the key's mod_revision, a commit is a Txn. */
export class EtcdBackend implements Backend {
  readonly #prefix: string;
  readonly #prefixBytes: number;
  /** One per server: etcd3's own choice among hosts repeats requests, and a commit must not be done twice. */
  readonly #servers: ServerList<EtcdServer>;

  constructor(spec: StoreSpec, options: StoreOptions) {
    this.#prefix = spec.prefix;
    this.#prefixBytes = Buffer.byteLength(spec.prefix);
    const secure = options.tls !== undefined || spec.servers.some((server) => server.secure);
    const scheme = secure ? 'https://' : 'http://';
    this.#servers = new ServerList(spec.servers.map((server) => new EtcdServer(server, scheme, options)));
  }

  async get(key: string): Promise<Entry | undefined> {
    const { kvs } = await this.#onAny((client) => client.kv.range({ key: this.#bytes(key) }));
    return kvs[0] && this.#entry(kvs[0]);
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    return (await this.#onAny((client) => this.#listAt(client, prefix))).entries;
  }

  async commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    if (checks.length + writes.length === 0) return { ok: true, versions: new Map() };
    const keys = checks.map(({ key }) => this.#bytes(key));
    const request = {
      compare: checks.map((check) => this.#compare(check)),
      success: writes.map((write) => this.#operation(write)),
      failure: keys.map((key): IRequestOp => ({ request_range: { key, keys_only: true } })),
    };
    const { succeeded, header, responses } = await this.#onAny((client) => client.kv.txn(request), neverSent);
    if (succeeded) return { ok: true, versions: versionsOfCommit(writes, header.revision) };
    const found = responses.map(({ response_range }) => response_range.kvs[0]?.mod_revision);
    const failed = checks.find((check, index) => !holds(check, found[index]));
    return { ok: false, failed: failed?.key ?? '' };
  }

  async follow(prefix: string, send: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
    const range = { key: this.#bytes(prefix), range_end: endOf(this.#bytes(prefix)) };
    const toEntry = (kv: IKeyValue) => this.#entry(kv);
    await this.#onAny(
      async (client) => {
        const list = () => this.#listAt(client, prefix);
        await followEtcd(client, range, { list, toEntry, send }, signal);
      },
      () => false,
    );
  }

  grant(ttlSeconds: number): Promise<Grant> {
    return grantEtcdLease((call) => this.#onAny(call), ttlSeconds);
  }

  granted(ticket: string): Grant {
    return etcdLease((call) => this.#onAny(call), ticket);
  }

  async close(): Promise<void> {
    for (const server of this.#servers.all) server.close();
  }

  /** Pages of one revision, so that together they are one moment. */
  async #listAt(client: Etcd3, prefix: string): Promise<{ entries: Entry[]; revision: string }> {
    const entries: Entry[] = [];
    const range_end = endOf(this.#bytes(prefix));
    let key = this.#bytes(prefix);
    let revision: string | undefined;
    for (;;) {
      const at = revision === undefined ? {} : { revision };
      const page = await client.kv.range({ key, range_end, limit: pageSize, ...at });
      revision ??= page.header.revision;
      for (const kv of page.kvs) entries.push(this.#entry(kv));
      const last = page.kvs.at(-1);
      if (!page.more || !last) return { entries, revision };
      key = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  /** With `only`, another server is asked only after an error of this kind. */
  #onAny<T>(call: (client: Etcd3) => Promise<T>, only = (_: unknown) => true): Promise<T> {
    const passOver = (error: unknown) => !(plainError(error) instanceof FairleadError) && only(error);
    return this.#servers
      .ask((server) => server.use(call), passOver)
      .catch((error) => {
        throw plainError(error);
      });
  }

  #compare(check: Check) {
    const key = this.#bytes(check.key);
    return check.expect === 'absent'
      ? ({ key, target: 'Version', result: 'Equal', version: 0 } as const)
      : ({ key, target: 'Mod', result: 'Equal', mod_revision: check.version } as const);
  }

  #operation(write: Write): IRequestOp {
    const key = this.#bytes(write.key);
    if (write.op === 'delete') return { request_delete_range: { key } };
    return { request_put: { key, value: Buffer.from(write.value), lease: write.lease?.id ?? noLease } };
  }

  #bytes(key: string): Buffer {
    return Buffer.from(this.#prefix + key);
  }

  #entry(kv: IKeyValue): Entry {
    // A slice of the whole text would keep all of it in memory.
    const key = kv.key.toString('utf8', this.#prefixBytes);
    const entry = { key, value: kv.value.toString('utf8'), version: kv.mod_revision };
    return kv.lease === noLease ? entry : { ...entry, lease: kv.lease };
  }
}

/** Prefixes end in `/`, and `0` is the byte after it. */
function endOf(prefix: Buffer): Buffer {
  return Buffer.concat([prefix.subarray(0, -1), Buffer.from('0')]);
}
