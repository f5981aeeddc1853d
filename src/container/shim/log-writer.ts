import { isUtf8 } from 'node:buffer';
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { shimFiles } from './protocol.ts';

/** Bytes of one log file; with the older one beside it, a container keeps at most twice that. */
const maxSize = 10 * 1024 * 1024;

type OutputStream = 'stdout' | 'stderr';

/**
 * The container's log: one JSON object a line, `{time, stream, text}`, or `base64` where the bytes are
 * not UTF-8. Each holds one line of output, or a part of one where the program wrote a part.
 * A full disk costs lines, which are counted, never the container.
 */
export class LogWriter {
  #fd: number | undefined;
  #size = 0;
  #lost = 0;

  write(stream: OutputStream, chunk: Buffer): void {
    const time = new Date().toISOString().replace('Z', '000000Z');
    const lines = splitLines(chunk);
    const note = this.#lost > 0 ? [encodeLine(time, 'stderr', lossNote(this.#lost))] : [];
    try {
      this.#append([...note, ...lines.map((line) => encodeLine(time, stream, line))].join(''));
      this.#lost = 0;
    } catch {
      this.#lost += lines.length;
    }
  }

  #append(text: string): void {
    // After a failed write the last line may be cut: a newline keeps it from spoiling the next one.
    const bytes = Buffer.from(this.#lost > 0 ? `\n${text}` : text);
    const written = writeSync(this.#open(bytes.length), bytes);
    this.#size += written;
    if (written < bytes.length) throw new Error('disk full');
  }

  #open(more: number): number {
    if (this.#fd !== undefined && this.#size + more > maxSize) {
      closeSync(this.#fd);
      this.#fd = undefined;
      renameSync(shimFiles.log, shimFiles.olderLog);
    }
    if (this.#fd === undefined) {
      this.#fd = openSync(shimFiles.log, 'a', 0o600);
      this.#size = fstatSync(this.#fd).size;
    }
    return this.#fd;
  }
}

function encodeLine(time: string, stream: OutputStream, data: Buffer): string {
  const body = isUtf8(data) ? { text: data.toString() } : { base64: data.toString('base64') };
  return `${JSON.stringify({ time, stream, ...body })}\n`;
}

/** Each with its newline; the last may have none. */
function splitLines(chunk: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < chunk.length; ) {
    const newline = chunk.indexOf(10, start);
    const end = newline < 0 ? chunk.length : newline + 1;
    lines.push(chunk.subarray(start, end));
    start = end;
  }
  return lines;
}

function lossNote(lost: number): Buffer {
  return Buffer.from(`[fairlead: ${lost} lines could not be written to the log]\n`);
}
