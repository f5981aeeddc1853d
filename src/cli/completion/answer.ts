/** What may stand in place of the word that is being typed. */
export interface Candidate {
  readonly value: string;
  readonly note: string;
}

export interface Answer {
  readonly candidates: readonly Candidate[];
  /** Paths of the file system, which the shell knows best. */
  readonly files?: 'any' | 'directories';
}

export const nothing: Answer = { candidates: [] };

/** Cobra's directives: what the shell does with the candidates. */
export const directive = { error: 1, noSpace: 2, noFiles: 4, onlyDirectories: 16 } as const;

/**
 * Cobra's protocol, which the real docker speaks too: `VALUE<tab>NOTE` a line, then `:` and the sum of the directives. Of
 * `--flag=part` a value is the part after the `=`.
 */
export function written({ candidates, files }: Answer, withNotes: boolean): string {
  const lines = candidates.map(({ value, note }) =>
    note === '' || !withNotes ? value : `${value}\t${note}`,
  );
  const goesOn = candidates.length > 0 && candidates.every(({ value }) => /[=:/.]$/.test(value));
  const sum =
    (goesOn ? directive.noSpace : 0) +
    (files === undefined ? directive.noFiles : 0) +
    (files === 'directories' ? directive.onlyDirectories : 0);
  return [...lines, `:${sum}`, ''].join('\n');
}

/** The other way round. @returns undefined for what is no answer: of a docker before 20.10, say */
export function read(
  text: string,
): { readonly candidates: readonly Candidate[]; readonly sum: number } | undefined {
  const lines = text.trimEnd().split('\n');
  const [, sum] = /^:(\d+)$/.exec(lines.pop() ?? '') ?? [];
  if (sum === undefined) return undefined;
  const candidates = lines.map((line) => {
    const [value = '', ...note] = line.split('\t');
    return { value, note: note.join(' ') };
  });
  return { candidates, sum: Number(sum) };
}

/** Each value once, the first of each. */
export function joined(...lists: readonly (readonly Candidate[])[]): readonly Candidate[] {
  const byValue = new Map<string, Candidate>();
  for (const one of lists.flat()) if (!byValue.has(one.value)) byValue.set(one.value, one);
  return [...byValue.values()];
}
