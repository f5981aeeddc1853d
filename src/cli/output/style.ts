import { showsColour } from '../../lib/colour.ts';
import type { Shell } from '../shell.ts';

/** How a stream is written to: as a terminal shows it, or plainly. */
export interface Style {
  /** Characters of a line; absent where nobody looks at it, and nothing is to be broken or cut. */
  readonly columns?: number;
  bold(text: string): string;
}

export const plain: Style = { bold: (text) => text };

export function styleOf(stream: Shell['stdout'] | Shell['stderr'], { env }: Pick<Shell, 'env'>): Style {
  if (!stream.isTTY) return plain;
  const bold = showsColour(env) ? (text: string) => `\u001b[1m${text}\u001b[0m` : plain.bold;
  // A terminal of unknown width reports 0.
  return stream.columns ? { columns: stream.columns, bold } : { bold };
}

/** Our own text with its bold, as bytes: control characters of texts are shown, not obeyed (src/cli/shell.ts). */
export function styled(text: string): Buffer {
  return Buffer.from(text);
}
