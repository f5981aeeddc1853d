/**
 * JSON with integers of 64 bits, as Go writes them: those that a number cannot hold are bigints. JSON.parse tells no one
 * how a number was written (Node 20), so they pass through it as marked texts; a text that begins like one is marked, too.
 */
const nul = '\u0000';
const escapedNul = '\\u0000';
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function parseExactly(json: string): unknown {
  const marked = json.replace(tokens, (token) => {
    if (token.startsWith(`"${escapedNul}`)) return `"${escapedNul}s${token.slice(1)}`;
    const isBig = /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token));
    return isBig ? `"${escapedNul}i${token}"` : token;
  });
  return JSON.parse(marked, (_key, value: unknown) => {
    if (typeof value !== 'string' || !value.startsWith(nul)) return value;
    return value.startsWith(`${nul}i`) ? BigInt(value.slice(2)) : value.slice(2);
  });
}

/** The way back. */
export function stringifyExactly(value: unknown, indent = ''): string {
  const marked = JSON.stringify(
    value,
    (_key, part: unknown) => {
      if (typeof part === 'bigint') return `${nul}i${part}`;
      return typeof part === 'string' && part.startsWith(nul) ? `${nul}s${part}` : part;
    },
    indent,
  );
  return marked.replace(tokens, (token) => {
    if (token.startsWith(`"${escapedNul}i`)) return token.slice(`"${escapedNul}i`.length, -1);
    return token.startsWith(`"${escapedNul}s`) ? `"${token.slice(`"${escapedNul}s`.length)}` : token;
  });
}
