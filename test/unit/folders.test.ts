import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const rooms = [
  'src/api',
  'src/cli',
  'src/apps',
  'src/dns',
  'src/network',
  'src/cluster',
  'src/reference',
  'src/testing',
  'src/daemon',
  'src/container',
  'src/dataplane',
  'src/lib',
  'drivers',
  'kvstore',
  'build',
  'ui',
];

/** A README that gives a reason for more than a dozen files. */
const reason = 'Over a dozen files, on purpose: ';

const folders = rooms.flatMap((room) => [
  room,
  ...readdirSync(join(root, room), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length)),
]);

it.each(folders)('%s says in a README what is here, where to begin and what it may import', (folder) => {
  const text = readFileSync(join(root, folder, 'README.md'), 'utf8');
  expect(text.split('\n').length).toBeLessThanOrEqual(25);
  expect(text).toMatch(/\bBegin (?:with|there)\b/);
  expect(text).toMatch(/\bImports\b|\b[Mm]ay import\b/);
});

it.each(folders)('%s has at most twelve source files, or says why there are more', (folder) => {
  const files = readdirSync(join(root, folder)).filter((name) => /\.m?[jt]s$/.test(name));
  const text = readFileSync(join(root, folder, 'README.md'), 'utf8');
  expect(text.includes(reason)).toBe(files.length > 12);
});

it('tests lie as the source does', () => {
  const tested = readdirSync(join(root, 'test/unit'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, 'test/unit/').length));
  const isSource = (folder: string) => ['.', 'src'].some((base) => existsSync(join(root, base, folder)));
  expect(tested.filter((folder) => !isSource(folder))).toEqual([]);
});

it.each(folders)('the README of %s names files that exist', (folder) => {
  const text = readFileSync(join(root, folder, 'README.md'), 'utf8');
  const named = [...text.matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.m?ts)`|(\.\.\/[\w/.-]+\.ts)/g)].map(
    ([, plain, up]) => plain ?? up ?? '',
  );
  const missing = named.filter(
    (name) => ![folder, '.', dirname(folder)].some((base) => existsSync(join(root, base, name))),
  );
  expect(missing).toEqual([]);
});
