import * as z from 'zod';
import { FairleadError } from '../../src/lib/errors.ts';
import type { Backend, Grant } from '../remote/backend.ts';
import type { StoreOptions } from '../remote/options.ts';
import type { StoreSpec } from '../remote/spec.ts';
import type { Check, CommitResult, Entry, WatchEvent, Write } from '../store.ts';
import { type ConsulAnswer, ConsulHttp, denied } from './http.ts';
import { consulLease, grantConsulLease } from './lease.ts';
import { followConsul } from './watch.ts';

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
  readonly #http: ConsulHttp;

  constructor(spec: StoreSpec, options: StoreOptions) {
    this.#prefix = spec.prefix;
    this.#http = new ConsulHttp(spec, options);
  }

  async get(key: string): Promise<Entry | undefined> {
    const answer = await this.#http.ask({ method: 'GET', path: `${this.#path(key)}?consistent` });
    return this.#entries(answer)[0];
  }

  async list(prefix: string): Promise<readonly Entry[]> {
    const answer = await this.#http.ask({ method: 'GET', path: `${this.#path(prefix)}?recurse&consistent` });
    return this.#folder(answer);
  }

  async commit(checks: readonly Check[], writes: readonly Write[]): Promise<CommitResult> {
    if (checks.length + writes.length === 0) return { ok: true, versions: new Map() };
    const body = [
      ...checks.map((check) => this.#check(check)),
      ...writes.flatMap((write) => this.#write(write)),
    ];
    const answer = await this.#http.ask({ method: 'PUT', path: '/v1/txn', body });
    if (answer.status === 200) return { ok: true, versions: versionsOf(writes, answer.text) };
    if (answer.status !== 409) throw new Error(`${answer.status} ${answer.text.trim()}`);
    const [error] = failedSchema.parse(JSON.parse(answer.text)).Errors;
    const failed = checks[error?.OpIndex ?? -1];
    if (failed) return { ok: false, failed: failed.key };
    if (error?.What.includes('invalid session'))
      throw new FairleadError('unavailable', 'the lease has ended');
    throw new Error(/permission denied/i.test(error?.What ?? '') ? denied : error?.What);
  }

  follow(prefix: string, send: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
    const entriesOf = (answer: ConsulAnswer) => this.#folder(answer);
    return followConsul(this.#http, `${this.#path(prefix)}?recurse`, entriesOf, send, signal);
  }

  grant(ttlSeconds: number): Promise<Grant> {
    return grantConsulLease(this.#http, ttlSeconds);
  }

  granted(ticket: string): Grant {
    return consulLease(this.#http, ticket);
  }

  async close(): Promise<void> {
    this.#http.close();
  }

  #path(key: string): string {
    const parts = (this.#prefix + key).split('/');
    return `/v1/kv/${parts.map(encodeURIComponent).join('/')}`;
  }

  /**
   * A list leaves out what the token may not see, without a word, so an empty one is believed only when
   * the token may read where ours begin.
   */
  async #folder(answer: ConsulAnswer): Promise<Entry[]> {
    if (answer.status === 404) await this.#http.ask({ method: 'GET', path: this.#path('') });
    return this.#entries(answer);
  }

  /** Consul lists in the order of bytes, which for keys is ours. */
  #entries({ status, text }: { status: number; text: string }): Entry[] {
    if (status === 404) return [];
    if (status !== 200) throw new Error(`${status} ${text.trim()}`);
    return rowsSchema.parse(JSON.parse(text)).map((row) => ({
      key: row.Key.slice(this.#prefix.length),
      value: Buffer.from(row.Value ?? '', 'base64').toString('utf8'),
      version: String(row.ModifyIndex),
      ...(row.Session !== undefined && { lease: row.Session }),
    }));
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
function versionsOf(writes: readonly Write[], text: string): Map<string, string> {
  const results = doneSchema.parse(JSON.parse(text)).Results ?? [];
  const index = String(Math.max(0, ...results.map(({ KV }) => KV.ModifyIndex)));
  return new Map(writes.flatMap((write) => (write.op === 'put' ? [[write.key, index]] : [])));
}
