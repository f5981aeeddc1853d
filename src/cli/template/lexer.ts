import { TemplateError } from './errors.ts';
import { quoted } from './escapes.ts';

/** The parts that text/template's lexer makes of a template (Go: src/text/template/parse/lex.go). */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Offset in the template, in UTF-16 units. */
  readonly position: number;
}

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'space'
  | 'field'
  | 'variable'
  | 'identifier'
  | 'keyword'
  | 'number'
  | 'string'
  | 'dot'
  | 'nil'
  | 'bool'
  | 'pipe'
  | 'comma'
  | 'declare'
  | 'assign'
  | '('
  | ')'
  | 'end';

const keywords = new Set([
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'range',
  'template',
  'with',
]);

/** What an action is made of, in the order of trial. */
const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ['space', /[ \t\r\n]+/y],
  ['number', /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?)\w*/y],
  ['field', /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ['dot', /\./y],
  ['variable', /\$[\p{L}_]?[\p{L}\p{N}_]*/uy],
  ['identifier', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['string', /"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)+'/y],
  ['declare', /:=/y],
  ['assign', /=/y],
  ['pipe', /\|/y],
  ['comma', /,/y],
  ['(', /\(/y],
  [')', /\)/y],
];

/** @throws TemplateError */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let position = 0;
  let trimNext = false;
  while (position < source.length) {
    const open = source.indexOf('{{', position);
    const end = open < 0 ? source.length : open;
    const trimThis = open >= 0 && /^\{\{-[ \t\r\n]/.test(source.slice(open, open + 4));
    pushText(tokens, source.slice(position, end), position, trimNext, trimThis);
    if (open < 0) break;
    const action = lexAction(source, open, open + (trimThis ? 3 : 2), tokens);
    position = action.end;
    trimNext = action.trim;
  }
  tokens.push({ kind: 'end', text: '', position: source.length });
  return tokens;
}

function pushText(
  tokens: Token[],
  text: string,
  position: number,
  trimStart: boolean,
  trimEnd: boolean,
): void {
  let kept = trimStart ? text.replace(/^[ \t\r\n]+/, '') : text;
  if (trimEnd) kept = kept.replace(/[ \t\r\n]+$/, '');
  if (kept !== '') tokens.push({ kind: 'text', text: kept, position });
}

function lexAction(source: string, open: number, start: number, tokens: Token[]) {
  const comment = lexComment(source, start);
  if (comment) return comment;
  tokens.push({ kind: 'open', text: '{{', position: open });
  let position = start;
  let depth = 0;
  for (;;) {
    const close = closeAt(source, position);
    if (close) {
      if (depth > 0) throw failure(source, position, 'unclosed left paren');
      tokens.push({ kind: 'close', text: '}}', position });
      return close;
    }
    if (position >= source.length) throw failure(source, open, 'unclosed action');
    const token = nextToken(source, position);
    if (token.kind === '(') depth += 1;
    if (token.kind === ')') depth -= 1;
    if (depth < 0) throw failure(source, position, 'unexpected right paren');
    tokens.push(token);
    position += token.text.length;
  }
}

/** Right before a trim marker there must be a space, which belongs to it. */
function closeAt(source: string, position: number): { end: number; trim: boolean } | undefined {
  if (source.startsWith('}}', position)) return { end: position + 2, trim: false };
  const trim = /[ \t\r\n]+-\}\}/y;
  trim.lastIndex = position;
  return trim.test(source) ? { end: trim.lastIndex, trim: true } : undefined;
}

function lexComment(source: string, start: number): { end: number; trim: boolean } | undefined {
  const opening = /[ \t\r\n]*\/\*/y;
  opening.lastIndex = start;
  if (!opening.test(source)) return undefined;
  const end = source.indexOf('*/', opening.lastIndex);
  if (end < 0) throw failure(source, start, 'unclosed comment');
  const close = closeAt(source, end + 2);
  if (!close) throw failure(source, start, 'comment ends before closing delimiter');
  return close;
}

function nextToken(source: string, position: number): Token {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = position;
    const text = pattern.exec(source)?.[0];
    if (text !== undefined) return { kind: refine(kind, text, source, position), text, position };
  }
  const character = String.fromCodePoint(source.codePointAt(position) ?? 0);
  if (character === '"') throw failure(source, position, 'unterminated quoted string');
  if (character === '`') throw failure(source, position, 'unterminated raw quoted string');
  if (character === "'") throw failure(source, position, 'unterminated character constant');
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  const message = character === '}' ? 'bad character' : 'unrecognized character in action:';
  throw failure(source, position, `${message} U+${code} '${character}'`);
}

function refine(kind: TokenKind, text: string, source: string, position: number): TokenKind {
  if (kind === 'number' && !Number.isFinite(numberOf(text))) {
    throw failure(source, position, `bad number syntax: ${quoted(text)}`);
  }
  if (kind !== 'identifier') return kind;
  if (keywords.has(text)) return 'keyword';
  if (text === 'true' || text === 'false') return 'bool';
  return text === 'nil' ? 'nil' : kind;
}

export function numberOf(text: string): number {
  const negative = text.startsWith('-');
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '');
  return digits === '' ? Number.NaN : Number(digits) * (negative ? -1 : 1);
}

export function lineOf(source: string, position: number): number {
  return source.slice(0, position).split('\n').length;
}

export function failure(source: string, position: number, message: string): TemplateError {
  return new TemplateError(`template: :${lineOf(source, position)}: ${message}`, 'parse');
}
