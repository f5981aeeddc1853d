/**
 * Go's tabwriter with minimum cell width 20 and padding 3, as the experimental release wrote its tables. The
 * last cell of a row is not padded.
 */
export function column(rows: readonly (readonly string[])[], minWidth = 20, padding = 3): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? minWidth, width(cell) + padding);
    });
  }
  return rows.map((row) => `${line(row, widths)}\n`).join('');
}

/** `network ls` of 2015 padded even the last cell of its rows; nobody should depend on trailing spaces. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return column([header, ...rows]);
}

/** Today's tables: three spaces between columns, a cell at least 10 wide with them (docker-facts 6.3). */
export function modernTable(rows: readonly (readonly string[])[]): string {
  return column(rows, 10, 3);
}

function line(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, index) => (index === row.length - 1 ? cell : padded(cell, widths[index] ?? 0)))
    .join('');
}

function padded(cell: string, to: number): string {
  return cell + ' '.repeat(Math.max(0, to - width(cell)));
}

/** Code points: tabwriter counts those. */
function width(text: string): number {
  return /[\ud800-\udbff]/.test(text) ? [...text].length : text.length;
}
