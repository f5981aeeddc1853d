import { type FileHandle, open } from 'node:fs/promises';
import { noSpace, replaceFile, writeFully } from './disk.ts';
import { endSize } from './record.ts';

/** Bytes by which the file is made longer: more than one batch has. */
const step = 256 * 1024;

/** A state file that batches are appended to. */
export class Journal {
  #end: number;

  private constructor(
    private readonly file: FileHandle,
    end: number,
    private size: number,
    /** Bytes of its snapshot. */
    readonly snapshotSize: number,
  ) {
    this.#end = end;
  }

  /** `end` is where the next record goes. What a crash left there is covered with zeros. */
  static async open(path: string, end: number, snapshotSize: number, isTorn: boolean): Promise<Journal> {
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    if (isTorn) {
      await writeFully(file, Buffer.alloc(size - end), end);
      await file.datasync();
    }
    return new Journal(file, end, size, snapshotSize);
  }

  /**
   * In place of what is at `path`; `state` as encodeState gives it. `last` is done before it is put there, and must not be interrupted by appends to
   * the old one. @returns the journal, open
   */
  static async replace(
    path: string,
    state: Iterable<Buffer>,
    reserve: number,
    last: (write: (record: Buffer) => Promise<void>) => Promise<void> = async () => {},
  ): Promise<Journal> {
    let [end, snapshotSize, size] = [0, 0, 0];
    const file = await replaceFile(path, async (fresh) => {
      const write = async (bytes: Buffer) => {
        await writeFully(fresh, bytes, end);
        end += bytes.length;
      };
      for (const bytes of state) await write(bytes);
      snapshotSize = end;
      await writeFully(fresh, Buffer.alloc(reserve + step), end);
      await fresh.sync();
      await last(write);
      size = Math.max(snapshotSize + reserve + step, end + endSize);
      await writeFully(fresh, Buffer.alloc(endSize), size - endSize);
    });
    return new Journal(file, end, size, snapshotSize);
  }

  /** Bytes of the batches since the snapshot. */
  get appended(): number {
    return this.#end - this.snapshotSize;
  }

  /**
   * On the disk when it resolves. The file keeps `reserve` bytes beyond the record where the disk has them, and must
   * keep `least`. @throws the system's error; nothing can be appended any more then, unless it was for lack of room
   */
  async append(record: Buffer, reserve: number, least: number): Promise<void> {
    const hasRoom = await this.#ensureRoom(record.length + reserve);
    if (!hasRoom && this.size - this.#end < record.length + Math.max(least, endSize)) throw new NoRoom();
    await writeFully(this.file, record, this.#end);
    await this.file.datasync();
    this.#end += record.length;
  }

  /** Bytes that it lacks for a reserve of this size. */
  lacks(reserve: number): number {
    return Math.max(0, reserve - (this.size - this.#end));
  }

  /** Takes the disk's blocks before they are needed. @returns whether the room is there */
  async #ensureRoom(bytes: number): Promise<boolean> {
    try {
      while (this.size - this.#end < bytes) {
        const { bytesWritten } = await this.file.write(Buffer.alloc(step), 0, step, this.size);
        this.size += bytesWritten;
      }
      return true;
    } catch {
      // What was written of it is zeros as well, and is made use of the next time.
      this.size = Math.max(this.size, (await this.file.stat()).size);
      return false;
    }
  }

  async close(): Promise<void> {
    await this.file.close();
  }
}

/** The disk is full, and the record may not use what is kept for others. Nothing was written. */
export class NoRoom extends Error {
  constructor() {
    super(noSpace);
  }
}
