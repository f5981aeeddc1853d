const named: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** Go's strconv.Quote, and with `'` its QuoteRune. */
export function quoted(text: string, mark: '"' | "'" = '"'): string {
  const inside = text.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]|[\\"']/gu, (character) => {
    if (character === '"' || character === "'") return character === mark ? `\\${mark}` : character;
    return named[character] ?? coded(character.codePointAt(0) ?? 0);
  });
  return mark + inside + mark;
}

function coded(code: number): string {
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

/** text/template's HTMLEscapeString. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** text/template's JSEscapeString. */
export function escapeJs(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
  return text.replace(/[\\'"<>&=\u0000-\u001f]/g, (character) =>
    /[\\'"]/.test(character) ? `\\${character}` : `\\u${hex(character.charCodeAt(0), 4).toUpperCase()}`,
  );
}

/** net/url's QueryEscape. */
export function escapeUrl(text: string): string {
  const escaped = encodeURIComponent(text).replaceAll('%20', '+');
  return escaped.replace(/[!'()*]/g, (character) => `%${hex(character.charCodeAt(0), 2).toUpperCase()}`);
}
