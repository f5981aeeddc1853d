import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Failure } from '../../failure.ts';
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
    if (step.remark) shell.stdout.write(`\n${emphasised(`# ${step.remark}`, shell)}\n`);
    shell.stdout.write(`${emphasised(`$ ${words.map(shellQuoted).join(' ')}`, shell)}\n`);
    const { output, code } = await runStep(words, bin, env);
    shell.stdout.write(output);
    if (code !== 0) throw new Failure(`the tour stopped: ${words.join(' ')} ended with exit code ${code}`);
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

interface Outcome {
  /** Both streams, in the order they came. */
  readonly output: string;
  readonly code: number;
}

async function runStep(words: readonly string[], bin: string, env: NodeJS.ProcessEnv): Promise<Outcome> {
  const [program = '', ...args] = words;
  if (program === 'ask') return ask(args);
  const command = own.has(program) ? process.execPath : program;
  const child = spawn(command, own.has(program) ? [join(bin, program), ...args] : args, {
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

function emphasised(text: string, { stdout }: Shell): string {
  return stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text;
}
