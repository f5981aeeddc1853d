import { Cursor } from './cursor.ts';
import { quoted } from './escapes.ts';
import { functionNames } from './functions.ts';
import { numberOf, type Token, type TokenKind } from './lexer.ts';
import { unquote } from './literals.ts';
import type { Branch, CommandNode, Node, Operand, Pipe } from './nodes.ts';
import type { Value } from './values.ts';

/**
 * Parses a template of Go's text/template language: everything but define, template and block, which make
 * no sense in a --format.
 * @throws TemplateError with Go's text
 */
export function parseTemplate(source: string): readonly Node[] {
  const parser = new Parser(source);
  const nodes = parser.nodes();
  if (parser.ending) throw parser.unexpectedEnding();
  return nodes;
}

class Parser {
  readonly #at: Cursor;
  #variables: string[] = ['$'];
  #rangeDepth = 0;
  /** The `end` or `else` that ended the last list of nodes. */
  ending: 'end' | 'else' | undefined;

  constructor(source: string) {
    this.#at = new Cursor(source);
  }

  nodes(): readonly Node[] {
    const nodes: Node[] = [];
    this.ending = undefined;
    for (;;) {
      const token = this.#at.next();
      if (token.kind === 'end') return nodes;
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text });
        continue;
      }
      const node = this.#action();
      if (node === 'end' || node === 'else') {
        this.ending = node;
        return nodes;
      }
      nodes.push(node);
    }
  }

  unexpectedEnding(): Error {
    return this.#at.failed(`unexpected {{${this.ending}}}`);
  }

  #action(): Node | 'end' | 'else' {
    const token = this.#at.peekPastSpace();
    if (token.kind !== 'keyword') return { kind: 'action', pipe: this.#pipe('command', 'close') };
    this.#at.next();
    if (token.text === 'if' || token.text === 'with' || token.text === 'range')
      return this.#branch(token.text);
    if (token.text === 'else') return 'else';
    if (token.text === 'end') {
      this.#closing('end');
      return 'end';
    }
    if (token.text === 'break' || token.text === 'continue') return this.#jump(token.text);
    throw this.#at.failed(`unexpected {{${token.text}}}`);
  }

  #jump(word: 'break' | 'continue'): Node {
    this.#closing(`{{${word}}}`);
    if (this.#rangeDepth === 0) throw this.#at.failed(`{{${word}}} outside {{range}}`);
    return { kind: word };
  }

  #branch(kind: Branch['kind']): Node {
    const known = this.#variables.length;
    const pipe = this.#pipe(kind, 'close');
    if (kind === 'range') this.#rangeDepth += 1;
    const body = this.nodes();
    if (kind === 'range') this.#rangeDepth -= 1;
    const otherwise = this.ending === 'else' ? this.#otherwise() : [];
    if (this.ending !== 'end') throw this.#at.failed('unexpected EOF', this.#at.last());
    this.#variables.length = known;
    this.ending = undefined;
    return { kind, pipe, body, otherwise };
  }

  /** `{{else if …}}` is `{{else}}{{if …}}` whose end it shares. */
  #otherwise(): readonly Node[] {
    const token = this.#at.peekPastSpace();
    if (token.kind === 'keyword' && (token.text === 'if' || token.text === 'with')) {
      this.#at.next();
      const nested = this.#branch(token.text);
      this.ending = 'end';
      return [nested];
    }
    this.#closing('else');
    const nodes = this.nodes();
    if (this.ending === 'else') throw this.#at.failed('expected end; found {{else}}');
    return nodes;
  }

  #pipe(context: string, end: TokenKind): Pipe {
    const start = this.#at.peekPastSpace();
    const { variables, assigns } = this.#declaration(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.#at.peekPastSpace();
      if (token.kind === end) {
        this.#at.next();
        if (commands.length === 0) throw this.#at.failed(`missing value for ${context}`);
        const wrong = stageThatCannotBeCalled(commands);
        if (wrong) throw this.#at.failed(`non executable command in pipeline stage ${wrong}`);
        return { variables, assigns, commands, position: start.position };
      }
      if (token.kind === 'end') throw this.#at.failed('unexpected EOF', token);
      commands.push(this.#command());
    }
  }

  #declaration(context: string): Pick<Pipe, 'variables' | 'assigns'> {
    const pattern = this.#at.lookahead();
    const [first, second] = pattern;
    if (first?.kind !== 'variable' || !second) return { variables: [], assigns: false };
    if (second.kind === 'declare' || second.kind === 'assign') {
      this.#at.skip(2);
      return this.#declared([first], second.kind);
    }
    const [, , third, fourth] = pattern;
    const pair = context === 'range' && second.kind === 'comma' && third?.kind === 'variable';
    if (!pair || (fourth?.kind !== 'declare' && fourth?.kind !== 'assign'))
      return { variables: [], assigns: false };
    this.#at.skip(4);
    return this.#declared([first, third], fourth.kind);
  }

  #declared(tokens: readonly Token[], kind: 'declare' | 'assign'): Pick<Pipe, 'variables' | 'assigns'> {
    const variables = tokens.map((token) => token.text);
    if (kind === 'declare') this.#variables.push(...variables);
    for (const name of variables) this.#checkVariable(name);
    return { variables, assigns: kind === 'assign' };
  }

  #command(): CommandNode {
    const operands: Operand[] = [];
    for (;;) {
      const token = this.#at.peekPastSpace();
      if (token.kind === 'pipe') {
        this.#at.next();
        if (operands.length === 0) throw this.#at.failed('missing value for command');
        if (this.#endsHere()) throw this.#at.failed('missing value for command');
        return { operands };
      }
      if (token.kind === 'close' || token.kind === ')') break;
      operands.push(this.#operand());
      const after = this.#at.peek();
      if (after && !['space', 'close', ')', 'pipe'].includes(after.kind)) {
        throw this.#at.failed(`unexpected ${shown(after)} in operand`, after);
      }
    }
    if (operands.length === 0) throw this.#at.failed('empty command');
    return { operands };
  }

  #endsHere(): boolean {
    const { kind } = this.#at.peekPastSpace();
    return kind === 'close' || kind === ')';
  }

  #operand(): Operand {
    const token = this.#at.next();
    const { position, text } = token;
    switch (token.kind) {
      case 'identifier':
        if (!functionNames.has(text)) throw this.#at.failed(`function ${quoted(text)} not defined`);
        return { kind: 'function', name: text, position, text };
      case 'dot':
        return { kind: 'dot', position, text };
      case 'nil':
        return { kind: 'nil', position, text };
      case 'bool':
        return { kind: 'literal', value: text === 'true', position, text };
      case 'number':
        return { kind: 'literal', value: numberOf(text), position, text };
      case 'string':
        return { kind: 'literal', value: this.#unquoted(token), position, text };
      case 'variable':
        this.#checkVariable(text);
        return this.#withPath((path, rest) => ({
          kind: 'variable',
          name: text,
          path,
          position,
          text: text + rest,
        }));
      case 'field':
        return this.#field(token);
      case '(':
        return this.#parenthesised(position);
      default:
        throw this.#at.failed(`unexpected ${shown(token)} in command`);
    }
  }

  /** Go gives `.A.B` the position of `.B`, which its error messages show. */
  #field({ text, position }: Token): Operand {
    const second = this.#at.peek();
    return this.#withPath((path, rest) => ({
      kind: 'field',
      path: [text.slice(1), ...path],
      position: path.length > 0 ? (second?.position ?? position) : position,
      text: text + rest,
    }));
  }

  #parenthesised(position: number): Operand {
    const pipe = this.#pipe('parenthesized pipeline', ')');
    const inner = this.#at.source.slice(position, this.#at.previous().position + 1);
    return this.#withPath((path, rest) => ({ kind: 'pipe', pipe, path, position, text: inner + rest }));
  }

  #withPath(make: (path: readonly string[], rest: string) => Operand): Operand {
    const fields: string[] = [];
    for (let token = this.#at.peek(); token?.kind === 'field'; token = this.#at.peek()) {
      fields.push(token.text.slice(1));
      this.#at.next();
    }
    return make(fields, fields.map((field) => `.${field}`).join(''));
  }

  #unquoted(token: Token): Value {
    const value = unquote(token.text);
    if (value === undefined) throw this.#at.failed('invalid syntax', token);
    return value;
  }

  #checkVariable(name: string): void {
    if (!this.#variables.includes(name)) throw this.#at.failed(`undefined variable ${quoted(name)}`);
  }

  #closing(context: string): void {
    const token = this.#at.peekPastSpace();
    this.#at.next();
    if (token.kind !== 'close') throw this.#at.failed(`unexpected ${shown(token)} in ${context}`);
  }
}

function shown(token: Token): string {
  return token.kind === 'end' ? 'EOF' : quoted(token.text);
}

/** Counted from 1; only the first stage of a pipeline may be something that is no call. */
function stageThatCannotBeCalled(commands: readonly CommandNode[]): number | undefined {
  const values = new Set(['literal', 'dot', 'nil']);
  const index = commands.findIndex(({ operands: [first] }, at) => at > 0 && values.has(first?.kind ?? ''));
  return index < 0 ? undefined : index + 1;
}
