/**
 * What Go's encoding/json would say of a text, so that clients see the Engine's words for a bad body
 * (docker-facts 5.3 #1-2). Only run on texts that JSON.parse refused.
 */
export type Scanned = { readonly end: number } | { readonly problem: string };

/** Where the first JSON value of the text ends: Go's Decoder ignores what follows it. */
export function scanValue(text: string): Scanned {
  try {
    return { end: new Scanner(text).value(0, 0) };
  } catch (error) {
    if (error instanceof GoJsonError) return { problem: error.message };
    throw error;
  }
}

class GoJsonError extends Error {}

/** As encoding/json's maxNestingDepth. */
const maxDepth = 10_000;
/** This scanner recurses, JSON.parse too; no request nests anywhere near it. */
const ourDepth = 500;
const escapes = new Set(['"', '\\', '/', 'b', 'f', 'n', 'r', 't']);

class Scanner {
  constructor(private readonly text: string) {}

  value(start: number, depth: number): number {
    if (depth > ourDepth) throw new GoJsonError(`exceeded max depth (${Math.min(maxDepth, ourDepth)})`);
    const at = this.#skipSpace(start);
    const character = this.#at(at);
    if (character === '{') return this.#object(at + 1, depth);
    if (character === '[') return this.#array(at + 1, depth);
    if (character === '"') return this.#string(at + 1);
    if (character === '-' || isDigit(character)) return this.#number(at);
    for (const word of ['true', 'false', 'null']) if (word.startsWith(character)) return this.#word(at, word);
    throw this.#unexpected(at, 'looking for beginning of value');
  }

  #object(start: number, depth: number): number {
    let at = this.#skipSpace(start);
    if (this.#at(at) === '}') return at + 1;
    for (;;) {
      if (this.#at(at) !== '"') throw this.#unexpected(at, 'looking for beginning of object key string');
      at = this.#skipSpace(this.#string(at + 1));
      if (this.#at(at) !== ':') throw this.#unexpected(at, 'after object key');
      at = this.#skipSpace(this.value(at + 1, depth + 1));
      if (this.#at(at) === '}') return at + 1;
      if (this.#at(at) !== ',') throw this.#unexpected(at, 'after object key:value pair');
      at = this.#skipSpace(at + 1);
    }
  }

  #array(start: number, depth: number): number {
    let at = this.#skipSpace(start);
    if (this.#at(at) === ']') return at + 1;
    for (;;) {
      at = this.#skipSpace(this.value(at, depth + 1));
      if (this.#at(at) === ']') return at + 1;
      if (this.#at(at) !== ',') throw this.#unexpected(at, 'after array element');
      at += 1;
    }
  }

  #string(start: number): number {
    let at = start;
    for (;;) {
      const character = this.#at(at);
      if (character === '"') return at + 1;
      if (character < ' ') throw this.#unexpected(at, 'in string literal');
      at = character === '\\' ? this.#escape(at + 1) : at + 1;
    }
  }

  #escape(at: number): number {
    const character = this.#at(at);
    if (escapes.has(character)) return at + 1;
    if (character !== 'u') throw this.#unexpected(at, 'in string escape code');
    for (let digit = at + 1; digit < at + 5; digit += 1) {
      if (!/[0-9a-f]/i.test(this.#at(digit)))
        throw this.#unexpected(digit, 'in \\u hexadecimal character escape');
    }
    return at + 5;
  }

  #number(start: number): number {
    const sign = this.#at(start) === '-' ? start + 1 : start;
    if (!isDigit(this.#at(sign))) throw this.#unexpected(sign, 'in numeric literal');
    const rest = /^(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(this.text.slice(sign));
    return sign + (rest?.[0].length ?? 0);
  }

  #word(start: number, word: string): number {
    for (let index = 1; index < word.length; index += 1) {
      if (this.#at(start + index) === word[index]) continue;
      throw this.#unexpected(start + index, `in literal ${word} (expecting '${word[index]}')`);
    }
    return start + word.length;
  }

  #skipSpace(start: number): number {
    let at = start;
    while (' \t\r\n'.includes(this.text[at] ?? '?')) at += 1;
    return at;
  }

  #at(at: number): string {
    const character = this.text[at];
    if (character === undefined) throw new GoJsonError('unexpected EOF');
    return character;
  }

  #unexpected(at: number, context: string): GoJsonError {
    return new GoJsonError(`invalid character ${quote(this.#at(at))} ${context}`);
  }
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9';
}

function quote(character: string): string {
  if (character === "'") return `'\\''`;
  if (character === '"') return `'"'`;
  return `'${JSON.stringify(character).slice(1, -1)}'`;
}
