import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const page = read('docs/architecture.md');

interface Step {
  readonly name: string;
  readonly file: string;
}

/** The rows of the first table after the words. */
function stepsAfter(words: string, text = page): readonly Step[] {
  const [table = ''] = text.slice(text.indexOf(words)).split(/\n\n(?!\|)/);
  const after = table === words ? '' : text.slice(text.indexOf(words) + words.length);
  const rows = /\n(?:\|[^\n]*\n)+/.exec(after)?.[0] ?? '';
  return [...rows.matchAll(/^\| `([#\w]+)` \| (\S+\.ts) \|/gm)].map(([, name = '', file = '']) => ({
    name,
    file,
  }));
}

/** The text of a function, method or member of that name, to its closing brace; undefined: there is none. */
function bodyOf({ name, file }: Step): string | undefined {
  const lines = existsSync(join(root, file)) ? read(file).split('\n') : [];
  const starts = new RegExp(`^\\s*(?:export )?(?:async )?(?:function )?${name}(?:: )?\\(`);
  const from = lines.findIndex((line) => starts.test(line) && !line.trimEnd().endsWith(';'));
  if (from < 0) return undefined;
  const indent = /^\s*/.exec(lines[from] ?? '')?.[0] ?? '';
  const ends = new RegExp(`^${indent}\\}`);
  const length = lines.slice(from + 1).findIndex((line) => ends.test(line) && !line.includes('): '));
  return lines.slice(from, from + length + 2).join('\n');
}

/** Why the steps are not what the code does; empty: they are. A request by HTTP is told by the route that both name. */
function faultsOf(steps: readonly Step[], route: string): readonly string[] {
  return steps.flatMap((step, i) => {
    const body = bodyOf(step);
    if (body === undefined) return [`${step.file} has no ${step.name}`];
    const next = steps[i + 1];
    if (!next) return [];
    const isRequest = step.file.startsWith('src/cli/') && next.file.startsWith('src/api/');
    const calls = isRequest ? body.includes(`'${route}'`) && bodyOf(next)?.includes(`/${route}'`) : false;
    const names = new RegExp(`[.\\s(]${next.name}\\(`).test(body);
    return calls || names ? [] : [`${step.name} of ${step.file} does not call ${next.name}`];
  });
}

describe('docs/architecture.md', () => {
  const attach = stepsAfter('**`service attach`**');
  const query = stepsAfter('**A DNS query**');

  it('follows a service attach as the code does, with four hops at most in src/network', () => {
    expect(attach.length).toBeGreaterThan(5);
    expect(faultsOf(attach, 'backend')).toEqual([]);
    expect(
      new Set(attach.filter(({ file }) => file.startsWith('src/network/')).map(({ file }) => file)).size,
    ).toBe(4);
  });

  it('follows a DNS query as the code does', () => {
    expect(query.length).toBeGreaterThan(5);
    expect(faultsOf(query, '')).toEqual([]);
  });

  it('would not pass with a step that is missing, or in another order', () => {
    const [first, second, third, ...rest] = query;
    expect(first && second && third && faultsOf([first, third, second, ...rest], '')).not.toEqual([]);
    expect(faultsOf([{ name: 'nowhere', file: 'src/dns/wire.ts' }], '')).toEqual([
      'src/dns/wire.ts has no nowhere',
    ]);
  });
});

describe('comments and docs', () => {
  const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(root, file)));

  /** What is there under this name: from the root, from src, beside the file that names it, or anywhere by its last part. */
  const isThere = (named: string, by: string) =>
    [named, join('src', named), normalize(join(dirname(by), named))].some((path) => tracked.includes(path)) ||
    tracked.some((file) => file.endsWith(`/${named}`));

  const commentsOf = (text: string) =>
    [...text.matchAll(/\/\*\*?[\s\S]*?\*\/|^\s*\/\/.*$/gm)].map(([comment]) => comment).join('\n');
  const namesIn = (text: string) =>
    [...text.matchAll(/(?<![\w/.@<*-])((?:[\w-]+\/)*[\w.-]+\.ts)\b/g)]
      .map(([, name = '']) => name)
      .filter((name) => !/(^|\/)[A-Z]+\.ts$/.test(name));

  it('name no source file that does not exist', () => {
    const sources = tracked.filter((file) => /^(bin|src|drivers|kvstore|test)\/.*\.ts$/.test(file));
    const pages = tracked.filter((file) =>
      /^(docs\/architecture|CONTRIBUTING|(src|kvstore|drivers|test).*README)\.?md$/.test(file),
    );
    const lost = [
      ...sources.flatMap((file) => namesIn(commentsOf(read(file))).map((name) => ({ file, name }))),
      ...pages.flatMap((file) => namesIn(read(file)).map((name) => ({ file, name }))),
    ].filter(({ file, name }) => !isThere(name, file));
    expect(sources.length).toBeGreaterThan(500);
    expect(lost.map(({ file, name }) => `${file} names ${name}`)).toEqual([]);
  });

  it('would find one', () => {
    expect(namesIn(commentsOf('// see places.ts\nconst a = 1;'))).toEqual(['places.ts']);
    expect(isThere('network/places.ts', 'src/x.ts')).toBe(false);
  });
});
