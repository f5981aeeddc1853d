import { realpathSync } from 'node:fs';
import { clientFor, noDaemonFlags } from './client/endpoint.ts';
import { dokkuCommands } from './commands/dokku/commands.ts';
import { helpFor, isOwnTopic, usageFor } from './commands/dokku/help.ts';
import { hintFor } from './complain.ts';
import { findReal, runReal } from './delegate/handover.ts';
import { DaemonError, Failure } from './failure.ts';
import { isCompletion } from './fairlead.ts';
import { dokkuLog } from './output/dokku-log.ts';
import type { Shell } from './shell.ts';

/** Dokku's global flags stand before the command, or after it where its own words cannot hold them. */
const globalFlags = new Set(['--quiet', '--force']);

/** The drop-in: Dokku's network, app and process commands; any other goes to a real dokku. @returns the exit code */
export async function dokku(argv: readonly string[], shell: Shell): Promise<number> {
  if (isCompletion(argv)) {
    const { completeDokku } = await import('./completion/dokku.ts');
    return completeDokku(argv, shell);
  }
  const { name, args, given } = splitGlobals(argv);
  const run = Object.hasOwn(dokkuCommands, name) ? dokkuCommands[name] : undefined;
  const client = clientFor(noDaemonFlags, shell);
  const log = dokkuLog(shell, given.has('--quiet'));
  try {
    if (!run) return await elsewhere(name, argv, shell);
    const usage = asksForUsage(name, args) ? usageFor(name) : undefined;
    if (usage !== undefined) {
      shell.stdout.write(usage);
      return 0;
    }
    return (await run({ args, force: given.has('--force'), client, log, shell })) ?? 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // The daemon's messages about apps are in Dokku's words already.
    log.warn(error instanceof DaemonError ? error.reason : error.message);
    const hint = await hintFor(error, client);
    if (hint !== '') log.warn(hint);
    return error.exitCode;
  }
}

/** A one-off command's words, and those behind `--`, are the command's own. */
export function splitGlobals(argv: readonly string[]) {
  const isFlag = (word: string) => globalFlags.has(word);
  const start = argv.findIndex((word) => !isFlag(word));
  const [name = 'help', ...rest] = start < 0 ? [] : argv.slice(start);
  const dashes = rest.indexOf('--');
  const own = name.startsWith('run') ? 0 : dashes < 0 ? rest.length : dashes;
  const args = [...rest.slice(0, own).filter((word) => !isFlag(word)), ...rest.slice(own)];
  const before = start < 0 ? argv : argv.slice(0, start);
  return { name, args, given: new Set([...before, ...rest.slice(0, own).filter(isFlag)]) };
}

async function elsewhere(name: string, argv: readonly string[], shell: Shell): Promise<number> {
  const real = findReal('dokku', shell.env.PATH ?? '', realpathSync(process.argv[1] ?? ''));
  if (real !== undefined && !isOwnTopic(name)) return runReal(real, argv, shell);
  const help = helpFor(name, argv);
  if (help === undefined) {
    const known = Object.keys(dokkuCommands);
    throw new Failure(`${name} is not a dokku command. Known here: ${known.join(', ')}`, 1, {
      unknown: { word: name, known },
    });
  }
  shell.stdout.write(help);
  return 0;
}

/** A one-off command's words behind the app are its own. */
function asksForUsage(name: string, args: readonly string[]): boolean {
  const dashes = args.indexOf('--');
  const own = name.startsWith('run') ? args.slice(0, 1) : dashes < 0 ? args : args.slice(0, dashes);
  return own.includes('--help');
}
