import * as z from 'zod';
import type { Batch } from '../rows.ts';
import { Damage } from './state-file.ts';

/**
 * Reads a `state.mdb` of fairlead 0.1.0: the file of LMDB 1.0 as lmdb-js has it, little-endian. Page and node layouts
 * are those of MDB_page_header, MDB_meta, MDB_db and MDB_node in LMDB's mdb.c. Nothing but what 0.1.0 wrote is known:
 * plain sub-databases, values behind a version of 8 bytes where the table has versions.
 */
const headerSize = 24;
const nodeHeadSize = 8;
const pageFlags = { branch: 0x01, leaf: 0x02 };
const nodeFlags = { big: 0x01, subDatabase: 0x02 };
const magic = 0xbeefc0de;
/** Of MDB_meta: behind a page's header. */
const meta = { pageSize: 48, mainRoot: 136, transaction: 152, size: 160 };
/** Of MDB_db. */
const rootInDatabase = 40;
const noPage = 0xffff_ffff_ffff_ffffn;

type Node = readonly [key: string, value: Buffer];

/** @throws Damage */
export function readLmdb(file: Buffer): Batch {
  try {
    return readTables(new LmdbFile(file));
  } catch (error) {
    if (error instanceof Damage) throw error;
    throw new Damage('it is not what fairlead 0.1.0 wrote', { cause: error });
  }
}

function readTables(file: LmdbFile): Batch {
  const tables = new Map(file.tree(file.mainRoot));
  const table = (name: string) => {
    // The NUL is part of the name in lmdb-js.
    const database = tables.get(`${name}\0`);
    return database ? file.tree(database.readBigUInt64LE(rootInDatabase)) : [];
  };
  const puts = table('rows').map(([key, value]) => {
    const [version, row] = [String(value.readDoubleLE(0)), value.toString('utf8', 8)];
    const end = row.indexOf('\n');
    const entry = { key, value: row.slice(end + 1), version };
    return end === 0 ? entry : { ...entry, lease: row.slice(0, end) };
  });
  const leases = table('leases').map(([id, ttl]) => ({ id, ttlSeconds: number.parse(json(ttl)) }));
  const counters = new Map(table('counters'));
  const version = number.parse(json(counters.get('version') ?? Buffer.from('0')));
  return { version, puts, deletes: [], leases, endedLeases: [] };
}

const number = z.number().int().min(0);

function json(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString());
}

class LmdbFile {
  readonly #file: Buffer;
  readonly #pageSize: number;
  readonly mainRoot: bigint;
  /** No page is there twice: a loop would have more. */
  #pagesLeft: number;

  constructor(file: Buffer) {
    this.#file = file;
    if (file.readUInt32LE(headerSize) !== magic) throw new Damage('it does not begin as LMDB does');
    this.#pageSize = file.readUInt32LE(meta.pageSize);
    this.#pagesLeft = file.length / this.#pageSize;
    const metas = [0, 1].map((n) => file.subarray(n * this.#pageSize, n * this.#pageSize + meta.size));
    const isWhole = (page: Buffer) => page.readUInt32LE(headerSize) === magic;
    if (!metas.every(isWhole)) throw new Damage('one of its first two pages is not what was written');
    const [newest] = metas.sort((a, b) => (transactionOf(a) > transactionOf(b) ? -1 : 1));
    this.mainRoot = newest?.readBigUInt64LE(meta.mainRoot) ?? noPage;
  }

  /** All nodes below the page, in order. */
  tree(root: bigint): readonly Node[] {
    if (root === noPage) return [];
    const page = this.#page(root);
    const flags = page.readUInt16LE(18);
    const body = page.subarray(headerSize);
    const places = Array.from({ length: page.readUInt16LE(20) / 2 }, (_, n) => body.readUInt16LE(2 * n));
    if (flags & pageFlags.branch) return places.flatMap((at) => this.tree(childOf(body.subarray(at))));
    if (flags & pageFlags.leaf) return places.map((at) => this.#node(body.subarray(at)));
    throw new Damage(`page ${root} is not what was written`);
  }

  #page(number: bigint): Buffer {
    this.#pagesLeft -= 1;
    const start = Number(number) * this.#pageSize;
    const page = this.#file.subarray(start, start + this.#pageSize);
    if (this.#pagesLeft < 0 || page.readBigUInt64LE(0) !== number)
      throw new Damage(`page ${number} is not what was written`);
    return page;
  }

  #node(node: Buffer): Node {
    const size = node.readUInt32LE(0);
    const flags = node.readUInt16LE(4);
    const dataAt = nodeHeadSize + node.readUInt16LE(6);
    const key = node.toString('utf8', nodeHeadSize, dataAt);
    if (!(flags & nodeFlags.big)) return [key, whole(node.subarray(dataAt, dataAt + size), size)];
    const start = Number(node.readBigUInt64LE(dataAt)) * this.#pageSize + headerSize;
    return [key, whole(this.#file.subarray(start, start + size), size)];
  }
}

function transactionOf(page: Buffer): bigint {
  return page.readBigUInt64LE(meta.transaction);
}

/** A page number of 48 bits. */
function childOf(node: Buffer): bigint {
  return BigInt(node.readUInt32LE(0) + node.readUInt16LE(4) * 2 ** 32);
}

function whole(bytes: Buffer, size: number): Buffer {
  if (bytes.length !== size) throw new Damage('it is cut short');
  return bytes;
}
