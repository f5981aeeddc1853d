import { program } from './commands/program.ts';
import { groupHelp } from './usage.ts';

/** What `docker` alone shows where no real one is installed. */
export function dropInHelp(path: string): string {
  const unused = () => Promise.reject(new Error('the help loads no command'));
  return groupHelp(path, program({ loadDaemon: unused, loadFake: unused }));
}
