import * as z from 'zod';
import { FairleadError } from '../../src/lib/errors.ts';
import type { Backend, Grant } from '../remote/backend.ts';
import { versionsOfCommit } from '../remote/changes.ts';
import type { StoreOptions } from '../remote/options.ts';
import type { StoreSpec } from '../remote/spec.ts';
import type { Check, CommitResult, Entry, WatchEvent, Write } from '../store.ts';
import { type ConsulAnswer, ConsulClient, denial, isDenied, reasonOf } from './client.ts';
import { consulLease, grantConsulLease } from './lease.ts';
import { followConsul } from './watch.ts';

/** The package has decoded the value. */
const rowSchema = z.object({
  Key: z.string(),
  Value: z.string().nullable(),
  ModifyIndex: z.number().int(),
  Session: z.string().exactOptional(),
});
const rowsSchema = z.array(rowSchema);
const doneSchema = z.object({
  Results: z.array(z.object({ KV: z.object({ ModifyIndex: z.number().int() }) })).nullable(),
});
const failedSchema = z.object({
  Errors: z.array(z.object({ OpIndex: z.number().int(), What: z.string() })).min(1),
});

/** Consul from 1.7 on. A version is the key's ModifyIndex, a commit a transaction, a lease a session. */
export class ConsulBackend implements Backend {
  readonly #prefix: string;
  readonly #client: ConsulClient;

  constructor(spec: StoreSpec, options: StoreOptions) {
    this.#prefix = spec.prefix;
    this.#client = new ConsulClient(spec, options);
  }

  async get(key: string): Promise<Entry | undefined> {
    const query = { key: this.#prefix + key, consistent: true };
    const answer = await this.#client.ask(({ kv }, ctx) => kv.get({ ...query, ctx }));
    return this.#isThere(answer) ? this.#entry(rowSchema.parse(answer.body)) : undefined;
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    const query = { key: this.#prefix + prefix, recurse: true, consistent: true };
    return this.#folder(await this.#client.ask(({ kv }, ctx) => kv.get({ ...query, ctx })));
  }

  async commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    const operations = [
      ...checks.map((check) => this.#check(check)),
      ...writes.flatMap((write) => this.#write(write)),
    ];
    if (operations.length === 0) return { ok: true, versions: new Map() };
    const answer = await this.#client.ask(({ transaction }, ctx) => transaction.create(operations, { ctx }));
    if (answer.status === 200) return { ok: true, versions: versionsOf(writes, answer.body) };
    if (answer.status !== 409) throw new Error(reasonOf(answer));
    const { Errors } = failedSchema.parse(answer.body);
    // The right to see that a key is absent is the right to make it: Consul then names the check.
    if (Errors.some(({ What }) => isDenied(What))) throw denial();
    const [error] = Errors;
    const failed = checks[error?.OpIndex ?? -1];
    if (failed) return { ok: false, failed: failed.key };
    if (error?.What.includes('invalid session'))
      throw new FairleadError('unavailable', 'the lease has ended');
    throw new Error(error?.What);
  }

  follow(prefix: string, send: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
    const entriesOf = (answer: ConsulAnswer) => this.#folder(answer);
    return followConsul(this.#client, this.#prefix + prefix, entriesOf, send, signal);
  }

  grant(ttlSeconds: number): Promise<Grant> {
    return grantConsulLease(this.#client, ttlSeconds);
  }

  granted(ticket: string): Grant {
    return consulLease(this.#client, ticket);
  }

  async close(): Promise<void> {
    this.#client.close();
  }

  /**
   * A list leaves out what the token may not see, without a word, so an empty one is believed only when
   * the token may read where ours begin. Consul lists in the order of bytes, which for keys is ours.
   */
  async #folder(answer: ConsulAnswer): Promise<Entry[]> {
    if (this.#isThere(answer)) return rowsSchema.parse(answer.body).map((row) => this.#entry(row));
    await this.#client.ask(({ kv }, ctx) => kv.get({ key: this.#prefix, ctx }));
    return [];
  }

  #isThere(answer: ConsulAnswer): boolean {
    if (answer.status !== 200 && answer.status !== 404) throw new Error(reasonOf(answer));
    return answer.status === 200;
  }

  #entry({ Key, Value, ModifyIndex, Session }: z.infer<typeof rowSchema>): Entry {
    return {
      key: Key.slice(this.#prefix.length),
      value: Value ?? '',
      version: String(ModifyIndex),
      ...(Session !== undefined && { lease: Session }),
    };
  }

  #check(check: Check) {
    const Key = this.#prefix + check.key;
    if (check.expect === 'absent') return { KV: { Verb: 'check-not-exists', Key } };
    return { KV: { Verb: 'check-index', Key, Index: Number(check.version) } };
  }

  /** A set leaves a key on its session; deleting it first, in the same transaction, takes it off. */
  #write(write: Write) {
    const Key = this.#prefix + write.key;
    const remove = { KV: { Verb: 'delete', Key } };
    if (write.op === 'delete') return [remove];
    const Value = Buffer.from(write.value).toString('base64');
    if (!write.lease) return [remove, { KV: { Verb: 'set', Key, Value } }];
    return [remove, { KV: { Verb: 'lock', Key, Value, Session: write.lease.id } }];
  }
}

/** Everything that a transaction puts has its index. */
function versionsOf(writes: readonly Write[], body: unknown) {
  const results = doneSchema.parse(body).Results ?? [];
  return versionsOfCommit(writes, String(Math.max(0, ...results.map(({ KV }) => KV.ModifyIndex))));
}
