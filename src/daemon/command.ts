import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { command } from '../cli/command.ts';
import { Failure, UsageError } from '../cli/failure.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';
import { type DaemonConfig, parseConfig } from './config.ts';
import { daemonFlags } from './flags.ts';

/** `fairlead daemon`; the drop-in's `docker -d` and `docker daemon` are the same. */
export const daemon = command({
  synopsis: '',
  description: 'Runs the daemon in the foreground, in the richest way that works',
  args: [0, 0],
  flags: daemonFlags,
  async run({ flags, given }) {
    const { 'config-file': file, ...settings } = flags;
    const typed = Object.entries(settings).filter(([name]) => given.has(name));
    const config = configFrom(Object.fromEntries(typed), file);
    const { runDaemon } = await import('./run.ts');
    // Resolves once the daemon has shut down.
    try {
      await runDaemon(config);
    } catch (error) {
      // What the system refuses, a full disk for one, is no bug either.
      if (!(error instanceof FairleadError) && !isOfSystem(error)) throw error;
      throw new Failure(`cannot start the daemon: ${messageOf(error)}`, 1, { cause: error });
    }
    return 0;
  },
});

function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

function configFrom(flags: Readonly<Record<string, unknown>>, file: string): DaemonConfig {
  try {
    return parseConfig(flags, file === '' ? {} : readConfigFile(file));
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

const fileSchema = z.record(z.string(), z.unknown());

function readConfigFile(path: string): Readonly<Record<string, unknown>> {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const problem = error instanceof z.ZodError ? 'expected one JSON object' : messageOf(error);
    throw new Error(`config file ${path}: ${problem}`, { cause: error });
  }
}
