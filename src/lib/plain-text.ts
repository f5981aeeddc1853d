import { FairleadError } from './errors.ts';

/**
 * Characters that do something instead of being something: C0 and C1 with DEL, Unicode's line breaks, and what turns the
 * direction of writing. In a line of a file or a rule they begin another one; on a terminal they are commands.
 */
const control = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const allControls = new RegExp(control.source, 'gu');
const allButLayout = /(?![\n\t])[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

export function hasControl(text: string): boolean {
  return control.test(text);
}

/** For a table's cell or a message: every control character as `\u001b`, which is how JSON writes it. */
export function visible(text: string): string {
  return text.replace(allControls, escaped);
}

/** The same for a text of several lines: line feeds and tabs stay. */
export function visibleLines(text: string): string {
  return text.replace(allButLayout, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * The one way to make a line of a file that a container or a tool reads.
 * @throws invalid where a part would begin another line
 */
export function fileLine(text: string): string {
  if (/[^\P{Cc}\t]/u.test(text) || /[\u2028\u2029]/.test(text)) {
    throw new FairleadError(
      'invalid',
      `"${visible(text)}" is no line of a file: it holds a control character`,
    );
  }
  return `${text}\n`;
}
