import { messageOf } from '../../lib/errors.ts';
import { visible } from '../../lib/plain-text.ts';
import { Failure } from '../failure.ts';
import { modernTable } from '../output/table.ts';
import { compile, type Template } from '../template/evaluate.ts';
import { Struct, toJson, type Value } from '../template/values.ts';

/** What `--format` of a list shows: one column per field, each with its header. */
export interface Columns<T> {
  /** The Go type that error texts name: `*network.networkContext`. */
  readonly typeName: string;
  /** Field → header and value; in the order of the default table. */
  readonly fields: Readonly<Record<string, readonly [header: string, value: (row: T) => Value]>>;
  /** Methods such as `.Label "key"`. */
  readonly methods?: Readonly<Record<string, (row: T, ...args: readonly Value[]) => Value>>;
  /** The `table` and `raw` forms without a template. */
  readonly table: string;
  readonly raw: string;
  /** What a template that fails on a row is answered with; default: Docker's common text. */
  readonly failed?: string;
}

/**
 * Docker's list formats: `table [TEMPLATE]`, `json`, `raw`, or a template per row.
 * @throws Failure with Docker's text
 */
export function formatRows<T>(format: string, rows: readonly T[], columns: Columns<T>): string {
  if (format === 'json') return rows.map((row) => `${toJson(structOf(row, columns))}\n`).join('');
  if (format === 'raw') return perRow(columns.raw, rows, columns);
  const table = /^table(?:\s+(.*))?$/s.exec(format);
  if (!table) return perRow(format, rows, columns);
  const template = compileFormat((table[1] || columns.table).replaceAll('\\t', '\t'), visible);
  const lines = [
    render(template, headers(columns)),
    ...rows.map((row) => render(template, structOf(row, columns), columns.failed)),
  ];
  return modernTable(lines);
}

/** A template on the command line: `\t` and `\n` are written as such. */
export function compileFormat(format: string, show?: (text: string) => string): Template {
  try {
    return compile(format, show);
  } catch (error) {
    throw new Failure(`template parsing error: ${messageOf(error)}`, 1);
  }
}

function perRow<T>(format: string, rows: readonly T[], columns: Columns<T>): string {
  const template = compileFormat(format.replaceAll('\\t', '\t').replaceAll('\\n', '\n'));
  return rows.map((row) => `${render(template, structOf(row, columns), columns.failed)}\n`).join('');
}

function render(template: Template, data: Value, failed = 'template parsing error'): string {
  try {
    return template.render(data);
  } catch (error) {
    throw new Failure(`${failed}: ${messageOf(error)}`);
  }
}

function structOf<T>(row: T, { typeName, fields, methods = {} }: Columns<T>): Struct {
  const entries = Object.entries(fields).map(([name, [, value]]) => [name, value(row)] as const);
  const bound = Object.entries(methods).map(
    ([name, method]) => [name, (...args: readonly Value[]) => method(row, ...args)] as const,
  );
  return new Struct(typeName, Object.fromEntries(entries), Object.fromEntries(bound));
}

/** The header row: every field gives its own title, `.Label "x"` gives x. */
function headers<T>({ typeName, fields, methods = {} }: Columns<T>): Struct {
  const titles = Object.entries(fields).map(([name, [header]]) => [name, header] as const);
  const named = Object.keys(methods).map(
    (name) => [name, (...args: readonly Value[]) => labelHeader(args[0])] as const,
  );
  return new Struct(typeName, Object.fromEntries(titles), Object.fromEntries(named));
}

function labelHeader(key: Value): string {
  const last =
    String(key ?? '')
      .split('.')
      .at(-1) ?? '';
  return last.replaceAll(/[-_]/g, ' ');
}
