import { showsColour } from '../../lib/colour.ts';
import type { Shell } from '../shell.ts';

/** How a stream is written to: as a terminal shows it, or plainly. */
export interface Style {
  /** Characters of a line; absent where nobody looks at it, and nothing is to be broken or cut. */
  readonly columns?: number;
  bold(text: string): string;
  /** What is well, and what is not: in green and red. */
  good(text: string): string;
  bad(text: string): string;
}

const asItIs = (text: string) => text;
export const plain: Style = { bold: asItIs, good: asItIs, bad: asItIs };

const inColour = (code: number) => (text: string) => `\u001b[${code}m${text}\u001b[0m`;
const coloured: Style = { bold: inColour(1), good: inColour(32), bad: inColour(31) };

export function styleOf(stream: Shell['stdout'] | Shell['stderr'], { env }: Pick<Shell, 'env'>): Style {
  if (!stream.isTTY) return plain;
  const style = showsColour(env) ? coloured : plain;
  // A terminal of unknown width reports 0.
  return stream.columns ? { columns: stream.columns, ...style } : style;
}

/** Our own text with its bold, as bytes: control characters of texts are shown, not obeyed (src/cli/shell.ts). */
export function styled(text: string): Buffer {
  return Buffer.from(text);
}
