/** Text in lines of at most so many characters; a word that is longer has a line of its own, and is never broken. */
export function wrapped(text: string, columns: number | undefined): readonly string[] {
  if (columns === undefined || text.length <= columns) return [text];
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    const isFull = last === undefined || last.length + 1 + word.length > columns;
    if (isFull) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** What a meaning beside its name needs, in characters; with less it goes below. */
const leastBeside = 24;
const belowIndent = 8;
/** mflag's cells are at least so wide, with three spaces to the next and one more before the text. */
const [leastName, gap] = [20, 4];

/**
 * Names and what they mean, side by side (`start`: the column where all meanings begin); on a terminal that is too
 * narrow a meaning is broken between words, or goes below its name.
 */
export function described(
  rows: readonly (readonly [name: string, meaning: string])[],
  columns: number | undefined,
  start = Math.max(leastName + 1, ...rows.map(([name]) => name.length + gap)),
): string {
  const isBeside = columns === undefined || columns - start >= leastBeside;
  const indent = ' '.repeat(isBeside ? start : belowIndent);
  const lines = rows.flatMap(([name, meaning]) => {
    const parts = wrapped(meaning, columns && columns - indent.length).map((part) => indent + part);
    if (!isBeside) return [...wrapped(name, columns), ...parts];
    const [beside = '', ...below] = parts;
    return [name.padEnd(start) + beside.slice(start), ...below];
  });
  return lines.map((line) => `${line}\n`).join('');
}
