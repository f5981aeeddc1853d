import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { type Command, command } from '../../command.ts';
import { findReal } from '../../delegate/handover.ts';
import type { Shell } from '../../shell.ts';
import { type Link, linkOf, placeLink } from './link.ts';
import { LinkRecord } from './link-record.ts';
import { type DropIn, ownPrograms } from './programs.ts';

/** `link-docker` and `link-dokku`: no package puts a `docker` of ours on a PATH unasked. */
export function linkCommand(name: DropIn): Command {
  return command({
    synopsis: '[DIRECTORY]',
    description: `Install the drop-in for ${name} into a directory (root: /usr/local/bin, others: ~/.local/bin)`,
    args: [0, 1],
    flags: {},
    async run({ args: [folder = usualFolder(shellUser())], shell }) {
      const link = linkOf(name, folder, ownPrograms());
      await placeLink(link);
      await new LinkRecord(shell).add(link.path);
      shell.stdout.write(`${link.path} -> ${link.target}\n${advice(name, link, shell)}\n`);
    },
  });
}

function shellUser(): number | undefined {
  return process.getuid?.();
}

function usualFolder(uid: number | undefined): string {
  return uid === 0 ? '/usr/local/bin' : join(homedir(), '.local/bin');
}

/** Whether a shell finds it, and if not what makes it. */
function advice(name: DropIn, { path, target }: Link, { env }: Shell): string {
  const search = env.PATH ?? '';
  const first = findReal(name, search, '');
  if (first !== path) {
    const folder = dirname(path);
    const why = first === undefined ? `${folder} is not on your PATH` : `${first} comes first on your PATH`;
    return `${why}; put it in front: export PATH=${folder}${delimiter}$PATH`;
  }
  const real = findReal(name, search, target);
  const rest = real === undefined ? `no other ${name} is on your PATH` : `all else goes on to ${real}`;
  return `${name} is Fairlead's in new shells (in open ones: hash -r); ${rest}`;
}
