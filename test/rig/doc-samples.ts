import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The repository's own folder. */
export const repository = fileURLToPath(new URL('../..', import.meta.url));

/** A block of commands in a page. */
export interface Sample {
  /** Of the block's first line, counted from 1. */
  readonly line: number;
  /** What stands in the comment before it, as `run: one host`; undefined: nothing does. */
  readonly mark: string | undefined;
  readonly text: string;
}

/** One command of a block, and what it is said to print. */
export interface Step {
  /** What stands before `$`: the host that it is typed on. Empty where there is one host. */
  readonly host: string;
  readonly command: string;
  /** Undefined: the page does not say. */
  readonly output: string | undefined;
}

/** Paths of all pages, from the repository's folder. */
export async function pages(): Promise<readonly string[]> {
  const docs = (await readdir(`${repository}docs`)).filter((name) => name.endsWith('.md'));
  return [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'CHANGELOG.md',
    ...docs.map((name) => `docs/${name}`),
  ];
}

export async function readPage(page: string): Promise<string> {
  return await readFile(`${repository}${page}`, 'utf8');
}

/** Blocks of a shell's commands: those without a language, and `sh` and `console`. */
export function samplesOf(page: string): readonly Sample[] {
  const fence = /(?:^<!-- ([^\n]*?) -->\n)?^```(sh|console|)\n(.*?)^```$/gms;
  // Blocks in other languages are taken out first: their end would look like a beginning.
  const shells = page.replace(/^```(?!sh$|console$)\w+\n.*?^```$/gms, (block) =>
    '\n'.repeat(block.split('\n').length - 1),
  );
  return [...shells.matchAll(fence)].map((match) => ({
    line: page.slice(0, match.index).split('\n').length,
    mark: match[1],
    text: match[3] ?? '',
  }));
}

/** `$ COMMAND` and `h1$ COMMAND` with the output below it; without any prompt every line is a command. */
export function stepsOf({ text }: Sample): readonly Step[] {
  const lines = text.split('\n').slice(0, -1);
  if (!lines.some((line) => prompt.test(line))) {
    const commands = lines.filter((line) => line !== '' && !line.startsWith('#'));
    return commands.map((command) => ({ host: '', command, output: undefined }));
  }
  return text
    .split(/^(?=(?:h\d)?\$ )/m)
    .map((part) => {
      const [first = '', ...rest] = part.split('\n');
      const [, host = '', command = ''] = prompt.exec(first) ?? [];
      const output = rest.join('\n');
      return { host, command, output: host !== '' && output.trim() === '' ? undefined : output };
    })
    .filter(({ command }) => command !== '');
}

const prompt = /^(h\d)?\$ (.*)$/;

/** Ids differ from run to run; their length, and what they are padded to, does not. */
export function withoutIds(text: string): string {
  return text
    .replace(/\bfl[0-9a-f]{4}-[0-9a-f]{8}\b/g, 'BRIDGE')
    .replace(/\b[0-9a-f]{64}\b/g, 'ID'.padEnd(64, '.'))
    .replace(/\b[0-9a-f]{12}\b/g, 'ID'.padEnd(12, '.'));
}
