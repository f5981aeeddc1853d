import { open } from 'node:fs/promises';

/** In each of the two meta pages that open the file (MDB_meta in mdb.c), little-endian, behind the page's header. */
const magic = Buffer.from([0xde, 0xc0, 0xef, 0xbe]);
const magicOffset = 24;
/** In the first of them. The page's size is that of the system that made the file: 4 to 64 KiB. */
const pageSizeOffset = 48;
const largestPage = 64 * 1024;

/**
 * Tells whether the file may be given to LMDB: it is a database, is empty or does not exist. To be asked
 * first, because lmdb 3.5.6 crashes the process (SIGSEGV) when LMDB refuses a file.
 */
export async function isLmdbFile(path: string): Promise<boolean> {
  const start = await readStart(path);
  if (start.length === 0) return true;
  if (start.length < pageSizeOffset + 4 || !hasMeta(start, 0)) return false;
  return hasMeta(start, start.readUInt32LE(pageSizeOffset));
}

function hasMeta(start: Buffer, page: number): boolean {
  const at = page + magicOffset;
  return start.subarray(at, at + magic.length).equals(magic);
}

async function readStart(path: string): Promise<Buffer> {
  try {
    await using file = await open(path);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(2 * largestPage) });
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}
