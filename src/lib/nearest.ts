/**
 * The one of `known` that was probably meant by `word`; undefined where none is close. Close is what begins with the
 * word, or lies within one typing mistake for every four letters (one for two or three): a letter missing, added,
 * changed, or swapped with its neighbour. Where one changed letter makes another short word ("nope", "none"), it is no
 * mistake.
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const typed = word.toLowerCase();
  let best: { readonly name: string; readonly cost: number } | undefined;
  for (const name of known) {
    const cost = costOf(typed, name.toLowerCase());
    if (cost !== undefined && (best === undefined || cost < best.cost)) best = { name, cost };
  }
  return best?.name;
}

/** The second line of an error; empty where no known word is close. */
export function didYouMean(word: string, known: Iterable<string>): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : `Did you mean "${meant}"?`;
}

function costOf(typed: string, name: string): number | undefined {
  if (typed === name || typed.length < 2) return undefined;
  const allowed = Math.max(1, Math.floor(typed.length / 4));
  // Typed in part: a little behind one mistake, and the shorter the better.
  const begun = name.startsWith(typed) ? 1 + name.length / 1000 : Number.POSITIVE_INFINITY;
  const isLongApart = Math.abs(typed.length - name.length) > allowed;
  const mistakes = isLongApart ? Number.POSITIVE_INFINITY : distance(typed, name);
  const cost = Math.min(begun, mistakes <= allowed ? mistakes : Number.POSITIVE_INFINITY);
  return Number.isFinite(cost) ? cost : undefined;
}

/** Optimal string alignment (Damerau-Levenshtein without repeated edits of one place). */
function distance(a: string, b: string): number {
  const changed = a.length < 5 ? 2 : 1;
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const isSame = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (row[j - 1] ?? 0) + 1,
        (last[j] ?? 0) + 1,
        (last[j - 1] ?? 0) + (isSame ? 0 : changed),
        swapped ? (beforeLast[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
