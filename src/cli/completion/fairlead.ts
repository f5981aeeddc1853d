import { type DaemonFlags, noDaemonFlags } from '../client/endpoint.ts';
import { program } from '../commands/program.ts';
import { type Loaders, parseGlobal } from '../fairlead.ts';
import type { Shell } from '../shell.ts';
import { written } from './answer.ts';
import { complete } from './complete.ts';
import { namesAt } from './names-at.ts';

/** `fairlead __complete WORD…`: the last word is being typed. @returns the exit code */
export async function completeFairlead(
  argv: readonly string[],
  shell: Shell,
  load: Loaders,
): Promise<number> {
  const [how, ...words] = argv;
  const answer = await complete(program(load), words, namesAt(await daemonIn(words), shell));
  shell.stdout.write(written(answer, how === '__complete'));
  return 0;
}

/** The daemon that the words before the last name, as far as they can be read. */
async function daemonIn(words: readonly string[]): Promise<DaemonFlags> {
  try {
    return (await parseGlobal(words.slice(0, -1))).daemon;
  } catch {
    return noDaemonFlags;
  }
}
