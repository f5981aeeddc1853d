import { program } from '../commands/program.ts';
import { globalFlags, type Parts } from '../fairlead.ts';
import { splitWords } from '../flags/words.ts';
import type { Shell } from '../shell.ts';
import { written } from './answer.ts';
import { complete } from './complete.ts';
import { namesAt } from './names-at.ts';

/** `fairlead __complete WORD…`: the last word is being typed. @returns the exit code */
export async function completeFairlead(argv: readonly string[], shell: Shell, parts: Parts): Promise<number> {
  const [how, ...words] = argv;
  const answer = await complete(program(parts), words, namesAt(hostIn(words), shell));
  shell.stdout.write(written(answer, how === '__complete'));
  return 0;
}

/** Of -H; empty when it was not given, or not yet in full. */
function hostIn(words: readonly string[]): string {
  try {
    const { flags } = splitWords(words.slice(0, -1), globalFlags, false);
    return flags.findLast(({ name }) => name === 'host')?.value ?? '';
  } catch {
    return '';
  }
}
