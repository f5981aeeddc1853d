import { type RefusalReason, StoreRefusal } from '../store.ts';

/** ZooKeeper's encoding (jute): big-endian numbers; buffers and strings with a length of four bytes, -1 for null. */

export class WireWriter {
  readonly #parts: Buffer[] = [];

  int(value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    this.#parts.push(bytes);
    return this;
  }

  long(value: bigint): this {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(value);
    this.#parts.push(bytes);
    return this;
  }

  bool(value: boolean): this {
    this.#parts.push(Buffer.from([value ? 1 : 0]));
    return this;
  }

  bytes(value: Buffer): this {
    this.int(value.length);
    this.#parts.push(value);
    return this;
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value));
  }

  /** Appends what another writer holds, without a length. */
  append(other: WireWriter): this {
    this.#parts.push(...other.#parts);
    return this;
  }

  /** With the packet's length in front. */
  packet(): Buffer {
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0);
    const head = Buffer.alloc(4);
    head.writeInt32BE(length);
    return Buffer.concat([head, ...this.#parts]);
  }
}

export class WireReader {
  #at = 0;

  constructor(private readonly data: Buffer) {}

  int(): number {
    this.#at += 4;
    return this.data.readInt32BE(this.#at - 4);
  }

  long(): bigint {
    this.#at += 8;
    return this.data.readBigInt64BE(this.#at - 8);
  }

  bool(): boolean {
    this.#at += 1;
    return this.data[this.#at - 1] === 1;
  }

  bytes(): Buffer {
    const length = Math.max(0, this.int());
    this.#at += length;
    return this.data.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  texts(): string[] {
    return Array.from({ length: Math.max(0, this.int()) }, () => this.text());
  }

  stat(): Stat {
    const created = this.long();
    const modified = this.long();
    this.#at += 16; // ctime, mtime
    const version = this.int();
    this.#at += 20; // cversion, aversion, ephemeralOwner, dataLength
    const children = this.int();
    this.#at += 8; // pzxid
    return { created, modified, version, children };
  }
}

export interface Stat {
  /** The transactions (zxid) that made the node and that wrote it last. */
  readonly created: bigint;
  readonly modified: bigint;
  /** Counts the writes since the node was made. */
  readonly version: number;
  readonly children: number;
}

export const opcodes = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getChildren: 8,
  sync: 9,
  ping: 11,
  check: 13,
  multi: 14,
  auth: 100,
} as const;

/** KeeperException.Code, those that are told apart. */
export const codes = {
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  nodeExists: -110,
  sessionExpired: -112,
  authFailed: -115,
  quotaExceeded: -125,
} as const;

const refusals: ReadonlyMap<number, RefusalReason> = new Map([
  [codes.noAuth, 'unauthorised'],
  [codes.authFailed, 'unauthorised'],
  [codes.quotaExceeded, 'full'],
]);

const names: Readonly<Record<number, string>> = {
  [codes.noNode]: 'no node',
  [codes.noAuth]: 'not authorized: check user and password in --kv-store-opt',
  [codes.badVersion]: 'bad version',
  [codes.nodeExists]: 'node exists',
  [codes.sessionExpired]: 'session expired',
  [codes.authFailed]: 'authentication failed: check user and password in --kv-store-opt',
  [codes.quotaExceeded]: 'the quota of the folder is used up',
};

/** An answer of the server that is not success. */
export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';

  constructor(readonly code: number) {
    super(names[code] ?? `ZooKeeper error ${code}`);
  }
}

/** What the server says with a code, to its asker. */
export function answerError(code: number): Error {
  const error = new ZooKeeperError(code);
  const reason = refusals.get(code);
  return reason ? new StoreRefusal(reason, error.message, { cause: error }) : error;
}

export function isCode(error: unknown, code: number): boolean {
  return error instanceof ZooKeeperError && error.code === code;
}
