/** A longer line than this is nothing that we read, and must not fill the memory. */
const maxLine = 1 << 20;

/** Cuts a stream of bytes into lines: chunks begin and end anywhere, in the middle of a character too. */
export class LineSplitter {
  #rest: Buffer[] = [];
  #size = 0;
  #skipping = false;

  /** The lines that are whole now, without their ends; empty ones and those that are too long are left out. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#keep(chunk.subarray(start, end));
      const line = Buffer.concat(this.#rest).toString().trim();
      if (!this.#skipping && line !== '') lines.push(line);
      this.#drop(false);
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  #keep(part: Buffer): void {
    if (this.#skipping) return;
    this.#rest.push(part);
    this.#size += part.length;
    if (this.#size > maxLine) this.#drop(true);
  }

  #drop(skipping: boolean): void {
    this.#rest = [];
    this.#size = 0;
    this.#skipping = skipping;
  }
}
