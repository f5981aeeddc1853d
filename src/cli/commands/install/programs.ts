import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The programs that act as another one when they come first on the PATH. */
export const dropIns = ['docker', 'dokku'] as const;
export type DropIn = (typeof dropIns)[number];

/** The folder of the programs of this installation. */
export function ownPrograms(): string {
  return dirname(realpathSync(process.argv[1] ?? ''));
}

/** How a person removes this installation, which cannot remove itself. */
export function removalCommand(programs: string = ownPrograms()): string {
  if (programs.includes('/node_modules/fairlead/')) return 'npm rm -g fairlead';
  if (programs.startsWith('/usr/lib/fairlead/')) return 'apt-get remove fairlead';
  return `rm -r ${join(programs, '../..')}`;
}
