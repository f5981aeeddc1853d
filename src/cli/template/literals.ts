const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** Go's strconv.Unquote: a text for "…" and `…`, the code point for '…'; undefined when it is not well formed. */
export function unquote(literal: string): string | number | undefined {
  if (literal.startsWith('`')) return literal.slice(1, -1);
  const text = unescaped(literal.slice(1, -1));
  if (!literal.startsWith("'") || text === undefined) return text;
  return [...text].length === 1 ? text.codePointAt(0) : undefined;
}

function unescaped(content: string): string | undefined {
  let bad = false;
  const text = content.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gu,
    (_all, x: string, u: string, long: string, octal: string, letter: string) => {
      const code =
        octal === undefined ? Number.parseInt(x ?? u ?? long ?? '', 16) : Number.parseInt(octal, 8);
      const character = letter === undefined ? codePoint(code) : escapes[letter];
      bad ||= character === undefined;
      return character ?? '';
    },
  );
  return bad ? undefined : text;
}

function codePoint(code: number): string | undefined {
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}
