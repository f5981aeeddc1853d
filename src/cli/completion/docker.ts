import { realpathSync } from 'node:fs';
import { runToEnd } from '../../lib/child.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import { program } from '../commands/program.ts';
import { type DockerCall, readCall } from '../delegate/docker-call.ts';
import { findReal } from '../delegate/handover.ts';
import { isEngineWork, isOurs, isWithoutEngine, serviceVerbs } from '../docker.ts';
import type { Loaders } from '../fairlead.ts';
import { patienceMs } from '../names.ts';
import type { Shell } from '../shell.ts';
import { type Answer, type Candidate, directive, joined, nothing, read, written } from './answer.ts';
import { complete } from './complete.ts';
import { namesAt } from './names-at.ts';
import { valuesFor } from './values.ts';

/** It may ask its own daemon; somebody waits at a prompt. */
const realPatienceMs = 2000;

/** The commands that the drop-in does itself, always; with nobody else to do it, all that a daemon without Engine does. */
const ownCommands = new Set(['network', 'service', 'daemon']);

/**
 * `docker __complete WORD…`, by the choice that runs the command (src/cli/docker.ts): ours first, then the real docker's
 * for what is not ours. @returns the exit code
 */
export async function completeDocker(argv: readonly string[], shell: Shell, load: Loaders): Promise<number> {
  const [how, ...words] = argv;
  const call = readCall(words);
  const asked = call.daemon ? { ...call, words: ['daemon', ...call.words] } : call;
  const answer = await answerFor({ call: asked, words, shell, load });
  shell.stdout.write(written(answer, how === '__complete'));
  return 0;
}

interface Question {
  readonly call: DockerCall;
  readonly words: readonly string[];
  readonly shell: Shell;
  readonly load: Loaders;
}

async function answerFor(question: Question): Promise<Answer> {
  const { call } = question;
  const [command = '', verb = ''] = call.words.map((word) => word.toLowerCase());
  const isNaming = (count: number) => call.words.length === count;
  if (call.words.length === 0) return await real(question);
  if (isNaming(1)) return await topLevel(question);
  if (command === 'service' && isNaming(2)) return merged(await ours(question), await real(question));
  if (command === 'daemon') return await ours(question);
  if (isOurs(call) && (command !== 'service' || serviceVerbs.has(verb))) return await ours(question);
  if (!isEngineWork(call)) return await real(question);
  if (await standsAlone(question)) return await ours(question);
  return await withServices(question);
}

/** Whether nobody but us does what a daemon does with containers. */
async function standsAlone({ call, shell }: Question): Promise<boolean> {
  try {
    const asked = isWithoutEngine(call, shell, false);
    return (await withTimeout(asked, patienceMs)) && (await asked);
  } catch {
    return false;
  }
}

async function topLevel(question: Question): Promise<Answer> {
  const [own, others, isAlone] = await Promise.all([ours(question), real(question), standsAlone(question)]);
  const isTaken = (name: string) =>
    name.startsWith('-') ||
    ownCommands.has(name) ||
    (isAlone && isEngineWork({ ...question.call, words: [name] }));
  return merged({ ...own, candidates: own.candidates.filter(({ value }) => isTaken(value)) }, others);
}

function merged(first: Answer, second: Answer): Answer {
  return { ...second, candidates: joined(first.candidates, second.candidates) };
}

async function ours({ call, shell, load }: Question): Promise<Answer> {
  return await complete(program(load), call.words, namesAt(call.target, shell));
}

const publish = '--publish-service';

/** The real docker's `run` and `create` have one more flag with us. */
async function withServices(question: Question): Promise<Answer> {
  const { words, call, shell } = question;
  const [before = '', last = ''] = words.slice(-2);
  const names = namesAt(call.target, shell);
  if (before === publish) return await valuesFor('new-service', last, names);
  if (last.startsWith(`${publish}=`))
    return await valuesFor('new-service', last.slice(publish.length + 1), names);
  const answer = await real({ ...question, words: withoutServices(words) });
  const isCreate = call.words.some((word) => word === 'run' || word === 'create');
  if (!isCreate || !last.startsWith('-') || !publish.startsWith(last)) return answer;
  const flag: Candidate = { value: publish, note: 'Publish this container as a service' };
  return { ...answer, candidates: joined([flag], answer.candidates) };
}

function withoutServices(words: readonly string[]): readonly string[] {
  return words.filter((word, index) => {
    return word !== publish && words[index - 1] !== publish && !word.startsWith(`${publish}=`);
  });
}

/** What the real docker would say. */
async function real({ words, shell }: Question): Promise<Answer> {
  const program = findReal('docker', shell.env.PATH ?? '', realpathSync(process.argv[1] ?? ''));
  if (program === undefined) return nothing;
  try {
    const real = await runToEnd([program, '__complete', ...words], {
      env: shell.env,
      timeout: realPatienceMs,
    });
    return real.code === 0 ? readReal(real.stdout) : nothing;
  } catch {
    return nothing;
  }
}

function readReal(text: string): Answer {
  const answer = read(text);
  if (answer === undefined || answer.sum & directive.error) return nothing;
  const { candidates, sum } = answer;
  if (sum & directive.onlyDirectories) return { candidates, files: 'directories' };
  return sum & directive.noFiles ? { candidates } : { candidates, files: 'any' };
}
