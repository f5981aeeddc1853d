/** One figure of a benchmark, where there is one beside its peer of the same run. */
export interface Row {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: number;
  readonly peer?: { readonly name: string; readonly value: number };
  /** Ours / peer's: the median of the rounds' own ratios, since both met the same noise only within a round. */
  readonly ratio?: number;
  /** The lowest and the highest of the rounds, of the ratio where there is one, else of ours. */
  readonly spread?: readonly [lowest: number, highest: number];
  readonly budget?: Budget;
}

export type Unit = 'µs' | 'ms' | 's' | '1/s' | 'Gbit/s' | 'MB' | 'kB' | 'cores' | '×' | '';

/** What `value` it is about, and its limit. */
export type Budget = { readonly value: 'ratio' | 'ours' } & (
  | { readonly atMost: number }
  | { readonly atLeast: number }
);

/** Tells a person how far it has come; what counts is in the rows. */
export type Say = (line: string) => void;

export interface Benchmark {
  /** One line, for `npm run bench -- list`. */
  readonly about: string;
  /** Rejects when something could not be measured; ends everything that it started in any case. */
  readonly run: (say: Say) => Promise<readonly Row[]>;
}

/** Undefined where nothing is demanded. What was not measured (NaN) is not met. */
export function isMet({ ours, ratio, budget }: Row): boolean | undefined {
  if (!budget) return undefined;
  const value = budget.value === 'ratio' ? (ratio ?? Number.NaN) : ours;
  return 'atMost' in budget ? value <= budget.atMost : value >= budget.atLeast;
}

/** Samples of ours and of a peer's, the n-th of each taken in the same round. */
export interface Pairs {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: readonly number[];
  readonly peer: { readonly name: string; readonly values: readonly number[] };
  readonly budget?: Budget;
}

export function compare({ what, unit, ours, peer, budget }: Pairs): Row {
  const ratios = ours.map((value, round) => value / (peer.values[round] ?? Number.NaN));
  return {
    what,
    unit,
    ours: median(ours),
    peer: { name: peer.name, value: median(peer.values) },
    ratio: median(ratios),
    spread: spreadOf(ratios),
    ...(budget && { budget }),
  };
}

/** Without a peer: the median and the spread of the rounds. */
export function measured(row: Pick<Row, 'what' | 'unit' | 'budget'>, samples: readonly number[]): Row {
  return { ...row, ours: median(samples), spread: spreadOf(samples) };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value that `part` (0–1) of the values are not above. NaN of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function spreadOf(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)];
}
