import { type Budget, isMet, type Row } from './row.ts';

const heads = ['WHAT', 'OURS', 'PEER', '', 'RATIO', 'SPREAD', 'BUDGET', ''] as const;

/** Lines in columns as wide as they need to be; numbers end where the column ends. */
export function tableOf(rows: readonly Row[]): readonly string[] {
  const cells = [heads, ...rows.map(cellsOf)];
  const widths = heads.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells.map((line) =>
    line
      .map((cell, column) => (isNumber(column) ? cell.padStart : cell.padEnd).call(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** The same as Markdown, for docs/performance-journal.md. */
export function markdownOf(rows: readonly Row[]): readonly string[] {
  const titles = ['what', 'ours', 'peer', 'its', 'ratio', 'spread', 'budget', ''];
  const rule = titles.map((_, column) => (isNumber(column) ? '---:' : '---'));
  return [titles, rule, ...rows.map(cellsOf)].map((cells) => `| ${cells.join(' | ')} |`);
}

function isNumber(column: number): boolean {
  return column === 1 || column === 3 || column === 4;
}

function cellsOf(row: Row): readonly string[] {
  const { what, unit, ours, peer, ratio, spread, budget } = row;
  const isRatio = ratio !== undefined;
  const met = isMet(row);
  return [
    what,
    `${figure(ours)} ${unit}`.trimEnd(),
    peer?.name ?? '',
    peer ? `${figure(peer.value)} ${unit}` : '',
    isRatio ? ratio.toFixed(2) : '',
    spread ? spread.map((value) => (isRatio ? value.toFixed(2) : figure(value))).join('–') : '',
    budget ? limitOf(budget, unit) : '',
    met === undefined ? '' : met ? 'met' : 'NOT MET',
  ];
}

function limitOf(budget: Budget, unit: Row['unit']): string {
  const limit = 'atMost' in budget ? `≤ ${budget.atMost}` : `≥ ${budget.atLeast}`;
  return `${limit} ${budget.value === 'ratio' ? '×' : unit}`;
}

/** Three digits are what such a measurement is good for. */
function figure(value: number): string {
  if (value >= 1000) return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
