import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { LogLine, LogOptions } from '../../runtime.ts';
import { shimFiles } from '../../shim/protocol.ts';

const lineSchema = z.object({
  time: z.string(),
  stream: z.enum(['stdout', 'stderr']),
  text: z.string().optional(),
  base64: z.string().optional(),
});

/** Milliseconds between two looks at a log that is followed. */
const lookAgain = 50;

/** The log of the container with this directory; `isLive` tells whether more may come. */
export async function* readLog(
  root: string,
  options: LogOptions,
  isLive: () => boolean,
): AsyncGenerator<LogLine> {
  const older = LogCursor.open(join(root, shimFiles.olderLog));
  const file = join(root, shimFiles.log);
  let cursor = LogCursor.open(file);
  try {
    yield* select([older, cursor], options);
    while (options.follow) {
      // Asked before reading: what was written before the end must still be read.
      const live = isLive() && !isPast(options.until);
      for (const line of cursor?.lines() ?? []) if (isWithin(line, options)) yield line;
      if (!cursor?.isStill(file)) {
        cursor?.close();
        cursor = LogCursor.open(file);
      } else if (!live) return;
      if (!live && !cursor) return;
      if (live) await sleep(lookAgain);
    }
  } finally {
    older?.close();
    cursor?.close();
  }
}

function* select(cursors: readonly (LogCursor | undefined)[], options: LogOptions): Generator<LogLine> {
  const lines = withinAll(cursors, options);
  if (options.tail === undefined) yield* lines;
  else yield* lastOf(lines, options.tail);
}

function* withinAll(cursors: readonly (LogCursor | undefined)[], options: LogOptions): Generator<LogLine> {
  for (const cursor of cursors) {
    for (const line of cursor?.lines() ?? []) if (isWithin(line, options)) yield line;
  }
}

/** Parts of a line, without a newline, count with what follows them, or at the end as a line. */
function lastOf(lines: Iterable<LogLine>, count: number): readonly LogLine[] {
  const last: LogLine[] = [];
  let complete = 0;
  const trim = (room: number) => {
    while (complete > room) if (endsLine(last.shift())) complete--;
  };
  for (const line of lines) {
    last.push(line);
    if (endsLine(line)) complete++;
    trim(count);
  }
  if (count === 0) return [];
  if (!endsLine(last.at(-1))) trim(count - 1);
  return last;
}

function endsLine(line: LogLine | undefined): boolean {
  return line?.data.at(-1) === 10;
}

function isWithin({ time }: LogLine, { since, until }: LogOptions): boolean {
  const seconds = Date.parse(time) / 1000;
  return (since === undefined || seconds >= since) && (until === undefined || seconds <= until);
}

function isPast(until: number | undefined): boolean {
  return until !== undefined && Date.now() / 1000 > until;
}

/** A place in one log file; it stays with the file when that is renamed away. */
class LogCursor {
  #offset = 0;
  #rest = Buffer.alloc(0);

  private constructor(private readonly fd: number) {}

  /** Undefined when there is no such file yet. */
  static open(file: string): LogCursor | undefined {
    try {
      return new LogCursor(openSync(file, 'r'));
    } catch {
      return undefined;
    }
  }

  /** The complete lines that have come since the last call. */
  *lines(): Generator<LogLine> {
    const chunk = Buffer.alloc(64 * 1024);
    for (;;) {
      const size = readSync(this.fd, chunk, 0, chunk.length, this.#offset);
      if (size === 0) return;
      this.#offset += size;
      const bytes = Buffer.concat([this.#rest, chunk.subarray(0, size)]);
      const end = bytes.lastIndexOf(10) + 1;
      this.#rest = bytes.subarray(end);
      for (const text of bytes.toString('utf8', 0, end).split('\n')) yield* parseLine(text);
    }
  }

  isStill(file: string): boolean {
    return statSync(file, { throwIfNoEntry: false })?.ino === fstatSync(this.fd).ino;
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** A line that a full disk has cut is skipped. */
function parseLine(text: string): LogLine[] {
  if (text === '') return [];
  try {
    const { time, stream, text: plain, base64 } = lineSchema.parse(JSON.parse(text));
    const data = base64 === undefined ? Buffer.from(plain ?? '') : Buffer.from(base64, 'base64');
    return [{ time, stream, data }];
  } catch {
    return [];
  }
}
