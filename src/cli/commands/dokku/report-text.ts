import { Failure } from '../../failure.ts';
import type { DokkuLog } from '../../output/dokku-log.ts';

/** Dokku pads names to this, or to its longest flag. */
const leastWidth = 31;

export interface ReportRequest {
  readonly app?: string;
  /** `--network-tld`: only its bare value. */
  readonly flag?: string;
  readonly json: boolean;
}

/** Takes the words of a `…:report [APP] [FLAG]` apart. @throws Failure, in Dokku's words */
export function readReportRequest(command: string, args: readonly string[]): ReportRequest {
  const flags: string[] = [];
  const words: string[] = [];
  let format = 'stdout';
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? '';
    if (word === '--format') format = args[++index] ?? '';
    else if (word.startsWith('--format=')) format = word.slice('--format='.length);
    else if (word === '--global') words.push(word);
    else (word.startsWith('--') ? flags : words).push(word);
  }
  if (flags.length > 1) throw new Failure(`${command} command allows only a single flag`);
  if (format !== 'stdout' && format !== 'json')
    throw new Failure('Invalid format specified, use either stdout or json');
  const [app, flag] = [words[0], flags[0]];
  if (format === 'json' && flag)
    throw new Failure('--format flag cannot be specified when specifying an info flag');
  return { json: format === 'json', ...(app ? { app } : {}), ...(flag ? { flag } : {}) };
}

/** One flag's value. @throws Failure with the valid ones */
export function flagValue(report: Readonly<Record<string, string>>, flag: string): string {
  const value = Object.hasOwn(report, flag.slice(2)) ? report[flag.slice(2)] : undefined;
  if (value !== undefined) return value;
  const known = Object.keys(report)
    .map((name) => `--${name}`)
    .sort();
  throw new Failure(`Invalid flag passed, valid flags: ${known.join(', ')}`, 1, {
    unknown: { word: flag, known },
  });
}

/** `Network computed tld:     value`, one line per flag in alphabetical order. */
export function writeReport(log: DokkuLog, title: string, report: Readonly<Record<string, string>>): void {
  log.title(title);
  const names = Object.keys(report).sort();
  const width = Math.max(leastWidth, ...names.map((name) => `--${name}`.length));
  for (const name of names) {
    const words = name.replaceAll('-', ' ');
    log.verbose(`${words.charAt(0).toUpperCase()}${words.slice(1)}:`.padEnd(width) + (report[name] ?? ''));
  }
}

/** Both spellings of each key: `network-tld` and `tld`. */
export function reportJson(prefix: string, report: Readonly<Record<string, string>>): string {
  const entries = Object.entries(report).flatMap(([name, value]): [string, string][] =>
    name.startsWith(prefix)
      ? [
          [name, value],
          [name.slice(prefix.length), value],
        ]
      : [[name, value]],
  );
  return JSON.stringify(Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))));
}
