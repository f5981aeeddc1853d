import { realpathSync } from 'node:fs';
import { commit, version } from '../lib/version.ts';
import { clientFor } from './client/endpoint.ts';
import { type DockerCall, readCall } from './delegate/docker-call.ts';
import { findReal, runReal } from './delegate/handover.ts';
import { type RunWords, takeServices } from './delegate/run-words.ts';
import { Failure } from './failure.ts';
import { isCompletion, type Loaders } from './fairlead.ts';
import { styled } from './output/style.ts';
import { dispatch } from './program.ts';
import type { Shell } from './shell.ts';

/**
 * The drop-in: what is ours we do, everything else goes to the real `docker`, unchanged (DESIGN 9).
 * @returns the exit code
 */
export async function docker(argv: readonly string[], shell: Shell, load: Loaders): Promise<number> {
  if (isCompletion(argv)) {
    const { completeDocker } = await import('./completion/docker.ts');
    return completeDocker(argv, shell, load);
  }
  try {
    const call = readCall(argv);
    if (call.daemon) return await ours(['daemon', ...call.words], call, shell, load);
    if (isOurs(call)) return await ours(call.words, call, shell, load);
    const run = takeServices(call.words);
    if (run && run.services.length > 0) return await publish(run, call, argv, shell, load);
    const real = findReal('docker', shell.env.PATH ?? '', realpathSync(process.argv[1] ?? ''));
    if (isEngineWork(call) && (await isWithoutEngine(call, shell, real === undefined))) {
      return await ours(call.words, call, shell, load);
    }
    return real === undefined ? nobody(argv, call, shell) : await runReal(real, argv, shell);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    shell.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
}

/** The experimental release's service verbs, and ours; the others are Swarm's. */
export const serviceVerbs = new Set(['publish', 'unpublish', 'attach', 'detach', 'ls', 'info', 'promote']);

export function isOurs({ words }: DockerCall): boolean {
  const [command = '', verb = ''] = words.map((word) => word.toLowerCase());
  if (command === 'network') return true;
  return command === 'service' && (verb === '' || verb.startsWith('-') || serviceVerbs.has(verb));
}

/** Beside an Engine the real docker makes the container, otherwise we do. */
async function publish(
  words: RunWords,
  { target, words: all }: DockerCall,
  argv: readonly string[],
  shell: Shell,
  load: Loaders,
): Promise<number> {
  const { runBeside } = await import('./delegate/run-beside.ts');
  const globals = argv.slice(0, argv.length - all.length);
  const code = await runBeside({ words, daemon: target, globals }, shell);
  return code ?? (await ours(all, { target, daemon: false, words: all }, shell, load));
}

/** Commands that a daemon without an Engine answers itself. */
const engineWork = new Set([
  'attach',
  'container',
  'create',
  'events',
  'exec',
  'info',
  'inspect',
  'kill',
  'logs',
  'port',
  'ps',
  'rename',
  'restart',
  'rm',
  'run',
  'start',
  'stop',
  'version',
  'wait',
]);

export function isEngineWork({ words }: DockerCall): boolean {
  return engineWork.has((words[0] ?? '').toLowerCase());
}

/** Asks the daemon. One that cannot be reached decides nothing, unless there is nobody else to do it. */
export async function isWithoutEngine(
  { target }: DockerCall,
  shell: Shell,
  weAreAlone: boolean,
): Promise<boolean> {
  const { infoRecord } = await import('./commands/system/info-record.ts');
  const client = clientFor(target, shell);
  await client.open();
  try {
    const { Fairlead } = await client.ask((engine) => engine.info(), infoRecord);
    return Fairlead.mode !== 'engine';
  } catch (error) {
    if (weAreAlone && error instanceof Failure) throw error;
    return false;
  }
}

async function ours(
  words: readonly string[],
  { target }: DockerCall,
  shell: Shell,
  load: Loaders,
): Promise<number> {
  const { program } = await import('./commands/program.ts');
  return dispatch(program(load), words, { shell, path: shell.program, client: clientFor(target, shell) });
}

async function nobody(argv: readonly string[], { words }: DockerCall, shell: Shell): Promise<number> {
  const [command] = words;
  if (command === undefined && argv.some((word) => word === '--version' || word === '-v')) {
    shell.stdout.write(`Docker version ${version}, build ${commit} (Fairlead)\n`);
    return 0;
  }
  if (command === undefined) {
    const { dropInHelp } = await import('./delegate/docker-help.ts');
    shell.stdout.write(styled(dropInHelp(shell)));
    return 0;
  }
  shell.stderr.write(
    `docker: '${command}' is not a Fairlead command, and no other docker to hand it to is on the PATH\n`,
  );
  return 127;
}
