import { failure, type Token, tokenize } from './lexer.ts';

/** The tokens of a template, with a place in them. */
export class Cursor {
  readonly #tokens: readonly Token[];
  #index = 0;

  /** @throws TemplateError */
  constructor(readonly source: string) {
    this.#tokens = tokenize(source);
  }

  /** A parse error on the line of the token, by default the one just taken. */
  failed(message: string, at = this.previous()): Error {
    return failure(this.source, at.position, message);
  }

  /** The next four tokens that are not spaces. */
  lookahead(): readonly Token[] {
    const ahead = this.#tokens.slice(this.#index, this.#index + 8);
    return ahead.filter((token) => token.kind !== 'space').slice(0, 4);
  }

  skip(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      this.peekPastSpace();
      this.next();
    }
  }

  peekPastSpace(): Token {
    while (this.#tokens[this.#index]?.kind === 'space') this.#index += 1;
    return this.#tokens[this.#index] ?? this.last();
  }

  next(): Token {
    const token = this.#tokens[this.#index] ?? this.last();
    this.#index += 1;
    return token;
  }

  previous(): Token {
    return this.#tokens[this.#index - 1] ?? this.last();
  }

  last(): Token {
    return this.#tokens.at(-1) ?? { kind: 'end', text: '', position: this.source.length };
  }

  /** The next token, a space included. */
  peek(): Token {
    return this.#tokens[this.#index] ?? this.last();
  }
}
