import { open } from 'node:fs/promises';
import type { Rows } from '../rows.ts';
import { exists, readOrUndefined, replaceFile, writeFully } from './disk.ts';
import { Damage, encodeState, endMark, type Head, readHead, readState, type State } from './state-file.ts';

/** Bytes at the beginning that have the head; a head has nothing but leases, a few of them. */
const headBytes = 64 * 1024;

/** A consistent copy of the state beside it, for the day when the state itself is damaged. */
export class BackupCopy {
  #sequence: number | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `sequence`: of what is there already. */
  constructor(
    private readonly path: string,
    sequence?: number,
  ) {
    this.#sequence = sequence;
  }

  /**
   * Makes it what the state is when its turn comes; nothing is written when it is that already.
   * @throws the system's error; the copy of before is there still
   */
  async write(state: { readonly rows: Rows; readonly sequence: number }): Promise<void> {
    const turn = this.#writing.then(() => this.#write(state));
    this.#writing = turn.catch(() => {});
    await turn;
  }

  async #write({ rows, sequence }: { readonly rows: Rows; readonly sequence: number }): Promise<void> {
    if (this.#sequence === sequence) return;
    const pieces = encodeState(rows, sequence);
    const file = await replaceFile(this.path, async (fresh) => {
      let end = 0;
      for (const bytes of pieces) {
        await writeFully(fresh, bytes, end);
        end += bytes.length;
      }
      await writeFully(fresh, endMark, end);
    });
    await file.close();
    this.#sequence = sequence;
  }
}

/** When and of what it was made; undefined when it is missing or does not begin as it should. */
export async function headOfKeptCopy(path: string): Promise<Head | undefined> {
  if (!(await exists(path))) return undefined;
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(headBytes) });
  try {
    return readHead(buffer.subarray(0, bytesRead)).head;
  } catch (error) {
    if (error instanceof Damage) return undefined;
    throw error;
  }
}

/** Undefined when it is missing. @throws Damage */
export async function readKeptCopy(path: string): Promise<State | undefined> {
  const bytes = await readOrUndefined(path);
  return bytes && readState(bytes);
}
