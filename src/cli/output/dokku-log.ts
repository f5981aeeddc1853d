import type { Shell } from '../shell.ts';

/** Dokku's way of talking: headers that `--quiet` hides, and warnings on stderr. */
export interface DokkuLog {
  readonly quiet: boolean;
  /** `=====> Networks` */
  title(text: string): void;
  /** `-----> Creating network foo` */
  step(text: string): void;
  /** What belongs to a header, seven spaces in. */
  verbose(text: string): void;
  /** ` !     WARNING: …` */
  warn(text: string): void;
  line(text: string): void;
}

export function dokkuLog({ stdout, stderr }: Pick<Shell, 'stdout' | 'stderr'>, quiet: boolean): DokkuLog {
  const unlessQuiet = (text: string) => {
    if (!quiet) stdout.write(text);
  };
  return {
    quiet,
    title: (text) => unlessQuiet(`=====> ${text}\n`),
    step: (text) => unlessQuiet(`-----> ${text}\n`),
    verbose: (text) => void stdout.write(`       ${text}\n`),
    warn: (text) => void stderr.write(` !     ${text}\n`),
    line: (text) => void stdout.write(`${text}\n`),
  };
}
