import { program } from '../commands/program.ts';
import { styleOf } from '../output/style.ts';
import { groupHelp } from '../output/usage.ts';
import type { Shell } from '../shell.ts';

/** What `docker` alone shows where no real one is installed. */
export function dropInHelp(shell: Shell): string {
  const unused = () => Promise.reject(new Error('the help loads no command'));
  return groupHelp(
    shell.program,
    program({ loadDaemon: unused, loadFake: unused }),
    styleOf(shell.stdout, shell),
  );
}
