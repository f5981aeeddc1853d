import { UsageError } from '../failure.ts';

/** `a=b` and `a` (an empty value), as `--label` and `--opt` take them. */
export function keyValues(flag: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => keyValue(flag, text)));
}

function keyValue(flag: string, text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  const key = equals < 0 ? text : text.slice(0, equals);
  if (key.trim() === '') {
    throw new UsageError(
      `invalid argument "${text}" for "--${flag}" flag: invalid ${flag} '${text}': empty name`,
    );
  }
  return [key, equals < 0 ? '' : text.slice(equals + 1)];
}

/** The query of the Engine's filters, `{"driver":{"bridge":true}}`; nothing where there are none. @throws UsageError */
export function filterQuery(label: string, texts: readonly string[]): { readonly filters?: string } {
  const filters: Record<string, Record<string, boolean>> = {};
  for (const text of texts) {
    const match = /^([^=]+?)(!?)=(.*)$/s.exec(text);
    if (!match) {
      throw new UsageError(
        `invalid argument "${text}" for "${label}" flag: bad format of filter (expected name=value)`,
      );
    }
    const [, name = '', not = '', value = ''] = match;
    const key = `${name.trim().toLowerCase()}${not}`;
    filters[key] = { ...filters[key], [value.trim()]: true };
  }
  return texts.length > 0 ? { filters: JSON.stringify(filters) } : {};
}
