/** One thing that can be looked at: what it is, and how it is. */
export interface Fact {
  /** Names it and nothing else: `fdb entry 02:42:0a:00:00:03 of fl3a07xaae601f4`. */
  readonly what: string;
  readonly value: string;
  /** Id of the network that it belongs to; absent when it is the host's, or is not known. */
  readonly network?: string;
}

/** `expected` absent: it should not be there. `actual` absent: it is missing. */
export interface Difference {
  readonly what: string;
  readonly expected?: string;
  readonly actual?: string;
  readonly network?: string;
}

/** Where the host is not as it should be, in the order of `expected`, surplus last. Pure. */
export function compare(expected: readonly Fact[], actual: readonly Fact[]): readonly Difference[] {
  const found = new Map(actual.map((fact) => [fact.what, fact]));
  const wanted = new Set(expected.map(({ what }) => what));
  const wrong = expected.flatMap(({ what, value, network }): Difference[] => {
    const there = found.get(what)?.value;
    if (there === value) return [];
    return [
      { what, expected: value, ...(there === undefined ? {} : { actual: there }), ...inNetwork(network) },
    ];
  });
  const surplus = [...found.values()].filter(({ what }) => !wanted.has(what));
  return [
    ...wrong,
    ...surplus.map(({ what, value, network }) => ({ what, actual: value, ...inNetwork(network) })),
  ];
}

function inNetwork(network: string | undefined) {
  return network === undefined ? {} : { network };
}

/** In one line. */
export function describe({ what, expected, actual }: Difference): string {
  if (actual === undefined) return `${what} is missing; it should be: ${expected}`;
  if (expected === undefined) return `${what} should not be there: ${actual}`;
  return `${what} is: ${actual}; it should be: ${expected}`;
}
