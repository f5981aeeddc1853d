import { realpathSync } from 'node:fs';
import { type DokkuCommand, networkCommands } from './commands/dokku/networks.ts';
import { Failure } from './failure.ts';
import { connector } from './fairlead.ts';
import { findReal, runReal } from './handover.ts';
import { dokkuLog } from './output/dokku-log.ts';
import type { Shell } from './shell.ts';

const commands: Readonly<Record<string, DokkuCommand>> = { ...networkCommands };

/** Dokku's global flags stand before or after the command. */
const globalFlags = new Set(['--quiet', '--force']);

/** The drop-in: Dokku's network commands; any other goes to a real dokku. @returns the exit code */
export async function dokku(argv: readonly string[], shell: Shell): Promise<number> {
  const [name = 'help', ...args] = argv.filter((word) => !globalFlags.has(word));
  const run = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const log = dokkuLog(shell, argv.includes('--quiet'));
  try {
    if (!run) return await elsewhere(name, argv, shell);
    const client = await connector('', shell)();
    return await run({ args, force: argv.includes('--force'), client, log, shell });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    log.warn(error.message);
    return error.exitCode;
  }
}

async function elsewhere(name: string, argv: readonly string[], shell: Shell): Promise<number> {
  const real = findReal('dokku', shell.env.PATH ?? '', realpathSync(process.argv[1] ?? ''));
  if (real !== undefined) return runReal(real, argv, shell);
  const known = Object.keys(commands).join(', ');
  if (name !== 'help' && name !== '--help')
    throw new Failure(`${name} is not a dokku command. Known here: ${known}`);
  shell.stdout.write(
    `Usage: dokku [--quiet|--force] COMMAND <command-specific-options>\n\nCommands: ${known}\n`,
  );
  return 0;
}
