import type { Shell } from '../shell.ts';

/** How a stream is written to: as a terminal shows it, or plainly. */
export interface Style {
  /** Characters of a line; absent where nobody looks at it, and nothing is to be broken or cut. */
  readonly columns?: number;
  bold(text: string): string;
}

export const plain: Style = { bold: (text) => text };

/** Of a terminal; https://no-color.org: any value that is not empty turns it off. */
export function styleOf(stream: Shell['stdout'] | Shell['stderr'], { env }: Pick<Shell, 'env'>): Style {
  if (!stream.isTTY) return plain;
  const isPlain = Boolean(env.NO_COLOR) || env.TERM === 'dumb';
  const bold = isPlain ? plain.bold : (text: string) => `\u001b[1m${text}\u001b[0m`;
  // A terminal that does not know its width says 0.
  return stream.columns ? { columns: stream.columns, bold } : { bold };
}
