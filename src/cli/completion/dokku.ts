import { noDaemonFlags } from '../client/endpoint.ts';
import { dokkuUsages } from '../commands/dokku/help.ts';
import { splitGlobals } from '../dokku.ts';
import type { Takes } from '../flags/takes.ts';
import type { Shell } from '../shell.ts';
import { type Answer, nothing, written } from './answer.ts';
import { namesAt } from './names-at.ts';
import { meanings } from './operands.ts';
import { valuesFor } from './values.ts';

/** `dokku __complete WORD…`, by the usage lines of our commands. @returns the exit code */
export async function completeDokku(argv: readonly string[], shell: Shell): Promise<number> {
  const [how, ...words] = argv;
  shell.stdout.write(written(await answerFor(words, shell), how === '__complete'));
  return 0;
}

async function answerFor(words: readonly string[], shell: Shell): Promise<Answer> {
  const part = words.at(-1) ?? '';
  const { name, args } = splitGlobals([...words.slice(0, -1), 'x']);
  // Only global flags before it: the command itself is being typed.
  if (name === 'x') return beginning(part);
  const usage = dokkuUsages().find((one) => one.name === name);
  if (usage === undefined) return nothing;
  const place = args.slice(0, -1);
  const names = namesAt(noDaemonFlags, shell);
  const before = place.at(-1) ?? '';
  const inline = /^(--[a-z-]+)=(.*)$/s.exec(part);
  const valued = usage.flags.find(({ flag, values }) => values && flag === (inline?.[1] ?? before));
  if (valued?.values) return await valuesFor(valued.values, inline?.[2] ?? part, names);
  if (part.startsWith('-')) return flagsOf(usage.flags, part);
  // It takes the place of an app.
  const isOperand = (word: string) => word === '--global' || !word.startsWith('-');
  const operand = usage.operands[place.filter(isOperand).length] ?? '';
  return await valuesFor(takesOf(operand), part, names);
}

function beginning(part: string): Answer {
  const commands = dokkuUsages().map(({ name, summary }) => ({ value: name, note: summary }));
  const flags = [
    { value: '--force', note: 'Do not ask for confirmation' },
    { value: '--quiet', note: 'Hide headers' },
  ];
  const all = part.startsWith('-') ? flags : commands;
  return { candidates: all.filter(({ value }) => value.startsWith(part)) };
}

function flagsOf(flags: readonly { readonly flag: string }[], part: string): Answer {
  const known = [...new Set([...flags.map(({ flag }) => flag), '--help'])];
  return { candidates: known.filter((flag) => flag.startsWith(part)).map((value) => ({ value, note: '' })) };
}

/** `<app>`, `[<app>|--global]`, `(<value>...)` */
function takesOf(operand: string): Takes | undefined {
  const [, word = ''] = /<([a-z]+)>/.exec(operand) ?? [];
  return meanings[word.toUpperCase()];
}
