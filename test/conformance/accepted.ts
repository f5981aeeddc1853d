import { readFileSync } from 'node:fs';
import type { Difference } from './compare.ts';

/** One row of docs/compatibility.md: where we differ on purpose, and why. */
export interface Accepted {
  readonly calls: readonly string[];
  readonly at: readonly string[];
  readonly reason: string;
}

const document = new URL('../../docs/compatibility.md', import.meta.url);

/** The rows of the tables whose header is `| calls | where | … |`; `*` in a cell stands for anything. */
export function readAccepted(): readonly Accepted[] {
  const rows: Accepted[] = [];
  let inTable = false;
  for (const line of readFileSync(document, 'utf8').split('\n')) {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    if (!line.startsWith('|')) inTable = false;
    else if (cells[1] === 'calls' && cells[2] === 'where') inTable = true;
    else if (inTable && !/^-+$/.test(cells[1] ?? '')) rows.push(rowOf(cells));
  }
  return rows;
}

/** A cell may name several, each in backquotes: any of the calls, any of the places. */
function rowOf([, calls = '', at = '', reason = '']: readonly string[]): Accepted {
  const each = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
  return { calls: each(calls), at: each(at), reason };
}

export function accepts({ calls, at }: Accepted, difference: Difference): boolean {
  return calls.some((text) => fits(text, difference.call)) && at.some((text) => fits(text, difference.at));
}

function fits(pattern: string, text: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(text);
}
