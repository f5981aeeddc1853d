import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../../../lib/child.ts';
import { Failure } from '../../failure.ts';
import { styled, styleOf } from '../../output/style.ts';
import type { Shell } from '../../shell.ts';
import { ask } from './ask.ts';
import type { Step } from './story.ts';

export interface Stage {
  /** Where the executables are: dist/bin. */
  readonly bin: string;
  readonly env: NodeJS.ProcessEnv;
  readonly shell: Shell;
}

/** Our own programs are run by this Node, whatever is first on the PATH. */
const own = new Set(['fairlead', 'docker']);

/** Plays the steps in order: shows each as typed, with its real output. @throws Failure at the first that fails */
export async function play(steps: readonly Step[], { bin, env, shell }: Stage): Promise<void> {
  const kept = new Map<string, string>();
  for (const step of steps) {
    const words = step.words.map((word) => fillIn(word, kept));
    if (step.remark) shell.stdout.write(emphasised(`\n# ${step.remark}\n`, shell));
    shell.stdout.write(emphasised(`$ ${words.map(shellQuoted).join(' ')}\n`, shell));
    const { output, code } = await runUntil(isSeen(step, kept), words, bin, env);
    shell.stdout.write(output);
    if (code !== 0) throw new Failure(`stopped: ${words.join(' ')} ended with exit code ${code}`);
    if (step.keep) kept.set(step.keep, output.trim().slice(0, keptLength(output)));
  }
}

/** Ids are shown short from then on. */
function keptLength(output: string): number {
  return /^[0-9a-f]{64}$/.test(output.trim()) ? 12 : output.length;
}

function fillIn(word: string, kept: ReadonlyMap<string, string>): string {
  return word.replace(/\{([a-z0-9-]+)\}/g, (all, name: string) => kept.get(name) ?? all);
}

/** Milliseconds between two runs of a step that waits for something, and until it has waited long enough. */
const pause = 500;
const patience = 60_000;

function isSeen({ untilShown, untilGone }: Step, kept: ReadonlyMap<string, string>) {
  return (output: string) =>
    (untilShown === undefined || output.includes(fillIn(untilShown, kept))) &&
    (untilGone === undefined || !output.includes(fillIn(untilGone, kept)));
}

async function runUntil(
  isSeen: (output: string) => boolean,
  words: readonly string[],
  bin: string,
  env: NodeJS.ProcessEnv,
): Promise<Outcome> {
  const deadline = performance.now() + patience;
  for (;;) {
    const outcome = await runStep(words, bin, env);
    if (isSeen(outcome.output) || performance.now() > deadline) return outcome;
    await sleep(pause);
  }
}

interface Outcome {
  /** Both streams, in the order they came. */
  readonly output: string;
  readonly code: number;
}

async function runStep(words: readonly string[], bin: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const [program = '', ...args] = words;
  if (program === 'ask') return ask(args);
  const argv = own.has(program) ? [process.execPath, join(bin, program)] : [program];
  const [command = '', ...first] = argv;
  const child = startChild([command, ...first, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ output, code: code ?? 1 }));
  });
}

/** As a shell takes it for one word. */
export function shellQuoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function emphasised(text: string, shell: Shell): Buffer {
  return styled(styleOf(shell.stdout, shell).bold(text));
}
