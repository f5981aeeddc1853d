const tab = 9;
const newline = 10;

/**
 * Go's text/tabwriter with minimum cell width 20 and padding 3, as the experimental release wrote its tables: the
 * cells of a column, each ended by a tab, become equally wide, in characters. What follows a line's last tab is not
 * padded. It goes over bytes, and by index: ten thousand lines would be forty thousand texts for V8 to move about, and
 * an iterator takes half as long again.
 */
export function aligned(lines: string, minWidth = 20, padding = 3): Buffer {
  const from = Buffer.from(lines);
  const { widths, count } = measured(from, minWidth, padding);
  const wide = widths.reduce((sum, each) => sum + each, 0);
  const to = Buffer.alloc(from.length + count * wide, ' ');
  let [at, column, width] = [0, 0, 0];
  for (let i = 0; i < from.length; i += 1) {
    const byte = from[i] ?? 0;
    if (byte === tab) {
      at += (widths[column] ?? 0) - width;
      column += 1;
      width = 0;
    } else {
      to[at] = byte;
      at += 1;
      if (byte === newline) column = width = 0;
      else if (beginsCharacter(byte)) width += 1;
    }
  }
  return to.subarray(0, at);
}

function measured(lines: Buffer, minWidth: number, padding: number) {
  const widths: number[] = [];
  let [count, column, width] = [1, 0, 0];
  for (let i = 0; i < lines.length; i += 1) {
    const byte = lines[i] ?? 0;
    if (byte === tab) {
      widths[column] = Math.max(widths[column] ?? minWidth, width + padding);
      column += 1;
      width = 0;
    } else if (byte === newline) {
      count += 1;
      column = width = 0;
    } else if (beginsCharacter(byte)) width += 1;
  }
  return { widths, count };
}

/** In UTF-8: code points are what tabwriter counts. */
function beginsCharacter(byte: number): boolean {
  return (byte & 0xc0) !== 0x80;
}

/** Today's tables: three spaces between columns, a cell at least 10 wide with them (docker-facts 6.3). */
export function modernTable(lines: readonly string[]): string {
  return aligned(lines.map((line) => `${line}\n`).join(''), 10).toString();
}
