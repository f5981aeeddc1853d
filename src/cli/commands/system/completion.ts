import { command } from '../../command.ts';
import { scriptFor, shells } from '../../completion/scripts.ts';
import { UsageError } from '../../failure.ts';

const programs = ['docker', 'dokku', 'fairlead'];

export const completion = command({
  synopsis: 'SHELL [PROGRAM]',
  description:
    'Prints the script that lets bash, fish or zsh complete commands, flags and names of fairlead, docker or dokku',
  args: [1, 2],
  flags: {},
  async run({ args: [name = '', program = 'fairlead'], shell }) {
    const known = shells.find((one) => one === name);
    if (known === undefined) throw notOne('shell', name, shells);
    if (!programs.includes(program)) throw notOne('program', program, programs);
    shell.stdout.write(scriptFor(known, program));
  },
});

function notOne(what: string, word: string, known: readonly string[]): UsageError {
  return new UsageError(`unknown ${what} "${word}": expected ${known.join(', ')}`, {
    unknown: { word, known },
  });
}
