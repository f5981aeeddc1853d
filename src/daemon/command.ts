import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { command } from '../cli/command.ts';
import { Failure, UsageError } from '../cli/failure.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';
import { didYouMean } from '../lib/nearest.ts';
import { type Checked, checkConfig, type DaemonConfig, type Problem } from './config.ts';
import { daemonFlags } from './flags.ts';

/** `fairlead daemon`; the drop-in's `docker -d` and `docker daemon` are the same. */
export const daemon = command({
  synopsis: '',
  description: 'Runs the daemon in the foreground, in the richest mode that works',
  args: [0, 0],
  flags: daemonFlags,
  async run({ flags, given, shell }) {
    const { 'config-file': file, validate, ...settings } = flags;
    const typed = Object.entries(settings).filter(([name]) => given.has(name));
    const checked = check(Object.fromEntries(typed), file);
    if (validate) return await sayWhatIsWrong(checked, shell);
    if (checked.config === undefined) throw usageError(checked.problems[0]);
    await start(checked.config);
    return 0;
  },
});

function check(flags: Readonly<Record<string, unknown>>, file: string): Checked {
  try {
    return checkConfig(flags, file === '' ? {} : readConfigFile(file));
  } catch (error) {
    return { problems: [{ text: messageOf(error) }] };
  }
}

function usageError({ text, unknown }: Problem): UsageError {
  return new UsageError(text, { unknown });
}

/** @returns the exit code */
async function sayWhatIsWrong(checked: Checked, { stdout, stderr }: Streams): Promise<number> {
  const { problemsOutside } = await import('./validate.ts');
  const problems = checked.config === undefined ? checked.problems : await problemsOutside(checked.config);
  for (const { text, unknown } of problems) {
    const hint = unknown ? didYouMean(unknown.word, unknown.known) : '';
    stderr.write(`${text}${hint === '' ? '' : `. ${hint}`}\n`);
  }
  if (problems.length === 0) stdout.write('configuration is valid\n');
  return problems.length === 0 ? 0 : 1;
}

interface Streams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
}

/** Resolves once the daemon has shut down. */
async function start(config: DaemonConfig): Promise<void> {
  const { runDaemon } = await import('./run.ts');
  try {
    await runDaemon(config);
  } catch (error) {
    // What the system refuses, a full disk for one, is no bug either.
    if (!(error instanceof FairleadError) && !isOfSystem(error)) throw error;
    throw new Failure(`cannot start the daemon: ${messageOf(error)}`, 1, { cause: error });
  }
}

function isOfSystem(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
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
