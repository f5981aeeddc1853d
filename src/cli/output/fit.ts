import { visible } from '../../lib/plain-text.ts';
import type { Shell } from '../shell.ts';
import { styleOf } from './style.ts';
import { aligned } from './table.ts';

const minWidth = 20;
const gap = 3;

/**
 * The table as `aligned` writes it, unless a terminal of so many columns would break its lines: then with cells no wider
 * than their texts, and if that is not enough, with the widest ones cut. The first column, an id or a name to copy, and
 * the headers stay whole. Nothing is cut where `columns` is absent: in a pipe, and with `--no-trunc`.
 */
export function fitted(lines: string, columns: number | undefined): string {
  const whole = aligned(lines).toString();
  if (columns === undefined || widest(whole) <= columns) return whole;
  const rows = lines.split('\n').map((line) => line.split('\t'));
  const limits = cutTo(columns, rows);
  const cut = rows.map((row) => row.map((cell, index) => ellipsis(cell, limits[index] ?? 0)).join('\t'));
  return aligned(cut.join('\n'), roomiest(limits, columns), gap).toString();
}

/** The widest cells, at most the seed's, that still fit. */
function roomiest(limits: readonly number[], columns: number): number {
  const last = limits.at(-1) ?? 0;
  const total = (least: number) =>
    limits.slice(0, -1).reduce((sum, each) => sum + Math.max(each + gap, least), last);
  for (let width = minWidth; width > 0; width -= 1) if (total(width) <= columns) return width;
  return 0;
}

interface Look {
  /** `--no-trunc`: nothing is cut. */
  readonly full?: boolean;
}

/**
 * A header and rows. `network ls` of 2015 padded even the last cell of its rows; nobody should depend on trailing
 * spaces.
 */
export function writeTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  shell: Shell,
  look: Look = {},
): void {
  writeLines([header, ...rows].map((row) => `${row.map(visible).join('\t')}\n`).join(''), shell, look);
}

/** The same of lines whose cells are tab-separated. */
export function writeLines(lines: string, shell: Shell, { full = false }: Look = {}): void {
  const { columns } = styleOf(shell.stdout, shell);
  shell.stdout.write(full || columns === undefined ? aligned(lines) : fitted(lines, columns));
}

/** How wide each column may be. */
function cutTo(columns: number, rows: readonly (readonly string[])[]): readonly number[] {
  const [header = []] = rows;
  const widths = header.map((_, index) =>
    rows.reduce((most, row) => Math.max(most, lengthOf(row[index] ?? '')), 0),
  );
  const least = header.map((title, index) => (index === 0 ? (widths[0] ?? 0) : lengthOf(title)));
  let excess = widths.reduce((sum, each) => sum + each + gap, -gap) - columns;
  for (; excess > 0; excess -= 1) {
    const spare = widths.map((width, index) => (width > (least[index] ?? 0) ? width : 0));
    const at = spare.indexOf(Math.max(...spare));
    if (spare[at] === 0) break;
    widths[at] = (widths[at] ?? 0) - 1;
  }
  return widths;
}

function ellipsis(text: string, limit: number): string {
  return lengthOf(text) > limit ? `${[...text].slice(0, limit - 1).join('')}…` : text;
}

function widest(text: string): number {
  return text.split('\n').reduce((most, line) => Math.max(most, lengthOf(line)), 0);
}

/** In code points, as `aligned` counts. */
function lengthOf(text: string): number {
  return [...text].length;
}
