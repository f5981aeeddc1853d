import * as z from 'zod';
import { type Batch, Rows } from '../rows.ts';
import { encodeRecord, endSize, recordAt, tailAt } from './record.ts';

/**
 * A state file: a first line that names the format, a snapshot, and the batches since, one record each (record.ts).
 * The snapshot is a head, which says how many entries it has, and the entries in several records. Batches are
 * numbered on, so that none can be missing or in another's place.
 */
export interface State {
  readonly rows: Rows;
  /** Number of the last batch. */
  readonly sequence: number;
  /** Where the next record goes. */
  readonly end: number;
  /** Bytes of the snapshot. */
  readonly snapshotSize: number;
  /** A crash interrupted a write: nobody was told that it was done. */
  readonly isTorn: boolean;
}

/** Says in a few words what is wrong with a file. */
export class Damage extends Error {}

const firstLine = 'fairlead state 1\n';
const anyFirstLine = /^fairlead state (\d{1,6})\n/;
/** Bytes; the rest of it is NULs. */
const firstLineSize = 32;
/** Characters of values in one record of a snapshot, about. */
const chunkSize = 256 * 1024;

const rowSchema = z.tuple([z.string(), z.string(), z.string()], z.string());
const leaseSchema = z.tuple([z.string(), z.number().int().positive()]);
const headSchema = z.object({
  sequence: z.number().int(),
  version: z.number().int(),
  entries: z.number().int(),
  leases: z.array(leaseSchema),
  made: z.string(),
});
const chunkSchema = z.object({ entries: z.array(rowSchema) });
const batchSchema = z.object({
  sequence: z.number().int(),
  version: z.number().int(),
  put: z.array(rowSchema).default([]),
  delete: z.array(z.string()).default([]),
  lease: z.array(leaseSchema).default([]),
  end: z.array(z.string()).default([]),
});

export type Head = z.infer<typeof headSchema>;

/** @throws Damage */
export function readState(bytes: Buffer): State {
  const { head, next } = readHead(bytes);
  const rows = new Rows();
  rows.apply(headBatch(head));
  let end = next;
  while (rows.size < head.entries) {
    const record = recordAt(bytes, end);
    if (!record) throw new Damage(`the record at byte ${end} is not what was written`);
    rows.apply({ ...nothing, puts: parse(chunkSchema, record.json).entries.map(toEntry) });
    end = record.next;
  }
  const snapshotSize = end;
  let { sequence } = head;
  for (let record = recordAt(bytes, end); record; record = recordAt(bytes, end)) {
    const batch = parse(batchSchema, record.json);
    sequence += 1;
    if (batch.sequence !== sequence) throw new Damage(`change ${sequence} is not where it was written`);
    rows.apply(toBatch(batch));
    end = record.next;
  }
  const tail = tailAt(bytes, end);
  if (tail.kind === 'damaged') throw new Damage(tail.reason);
  return { rows, sequence, end, snapshotSize, isTorn: tail.kind === 'torn' };
}

/** @throws Damage */
export function readHead(bytes: Buffer): { readonly head: Head; readonly next: number } {
  if (bytes.length === 0) throw new Damage('it is empty');
  const line = bytes.subarray(0, firstLineSize).toString('latin1');
  const format = anyFirstLine.exec(line)?.[1];
  if (format === undefined) throw new Damage('it does not begin as a state file does');
  if (line !== firstLine.padEnd(firstLineSize, '\0')) {
    throw new Damage(`its format is ${format}, and this fairlead knows 1`);
  }
  const record = recordAt(bytes, firstLineSize);
  if (!record) throw new Damage(`the record at byte ${firstLineSize} is not what was written`);
  return { head: parse(headSchema, record.json), next: record.next };
}

/** The file's bytes, piece by piece, as of the call: what is changed while they are written is not in them. */
export function encodeState(rows: Rows, sequence: number): Iterable<Buffer> {
  const entries = rows.all();
  const head: Head = {
    sequence,
    version: rows.version,
    entries: entries.length,
    leases: rows.leases().map(({ id, ttlSeconds }) => [id, ttlSeconds]),
    made: new Date().toISOString(),
  };
  return encodePieces(head, entries);
}

function* encodePieces(head: Head, entries: Batch['puts']): Generator<Buffer> {
  yield Buffer.from(firstLine.padEnd(firstLineSize, '\0'));
  yield encodeRecord(JSON.stringify(head));
  for (let from = 0; from < entries.length; ) {
    let [to, size] = [from, 0];
    while (to < entries.length && size < chunkSize) size += entries[to++]?.value.length ?? 0;
    yield encodeRecord(JSON.stringify({ entries: entries.slice(from, to).map(fromEntry) }));
    from = to;
  }
}

/** What stands behind the last record at least. */
export const endMark = Buffer.alloc(endSize);

export function encodeBatch({ version, puts, deletes, leases, endedLeases }: Batch, sequence: number) {
  return encodeRecord(
    JSON.stringify({
      sequence,
      version,
      ...(puts.length > 0 ? { put: puts.map(fromEntry) } : {}),
      ...(deletes.length > 0 ? { delete: deletes } : {}),
      ...(leases.length > 0 ? { lease: leases.map(({ id, ttlSeconds }) => [id, ttlSeconds]) } : {}),
      ...(endedLeases.length > 0 ? { end: endedLeases } : {}),
    }),
  );
}

const nothing: Batch = { version: 0, puts: [], deletes: [], leases: [], endedLeases: [] };

type Row = z.infer<typeof rowSchema>;

function fromEntry({ key, value, version, lease }: Batch['puts'][number]): Row {
  return lease === undefined ? [key, value, version] : [key, value, version, lease];
}

function toEntry([key, value, version, lease]: Row): Batch['puts'][number] {
  return lease === undefined ? { key, value, version } : { key, value, version, lease };
}

function headBatch({ version, leases }: Head): Batch {
  return { ...nothing, version, leases: leases.map(([id, ttlSeconds]) => ({ id, ttlSeconds })) };
}

function toBatch(batch: z.infer<typeof batchSchema>): Batch {
  return {
    version: batch.version,
    puts: batch.put.map(toEntry),
    deletes: batch.delete,
    leases: batch.lease.map(([id, ttlSeconds]) => ({ id, ttlSeconds })),
    endedLeases: batch.end,
  };
}

/** Whole, by its checksum, but not what it should say. */
function parse<T>(schema: z.ZodType<T>, json: string): T {
  const parsed = schema.safeParse(JSON.parse(json));
  if (!parsed.success) throw new Damage('a record is not of this format');
  return parsed.data;
}
