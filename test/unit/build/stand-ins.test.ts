import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';

interface StandIn {
  readonly from: RegExp;
  readonly module: string;
  readonly code: string;
}

interface StandIns {
  plugin(standIns: readonly StandIn[], root: string): Plugin;
  requireUsed(): void;
}

/** build/ is JavaScript without types. */
const file = new URL('../../../build/stand-ins.mjs', import.meta.url).href;
const { StandIns }: { readonly StandIns: new () => StandIns } = await import(file);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-stand-ins-'));
  await writeFile(join(folder, 'library.js'), "module.exports = require('heavy.d');");
  await writeFile(join(folder, 'other.js'), "module.exports = require('node:os').EOL;");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function bundle(standIns: StandIns, entry: string, ...list: readonly StandIn[]): Promise<string> {
  const { outputFiles } = await build({
    ...{
      entryPoints: [join(folder, entry)],
      bundle: true,
      write: false,
      platform: 'node',
      logLevel: 'silent',
    },
    plugins: [standIns.plugin(list, folder)],
  });
  return outputFiles[0]?.text ?? '';
}

const heavy = { from: /library/, module: 'heavy.d', code: "module.exports = 'light';" };

it('stands in where a file that it is for asks for that very module', async () => {
  const standIns = new StandIns();
  expect(await bundle(standIns, 'library.js', heavy)).toContain('"light"');
  standIns.requireUsed();
});

it.each([
  { ...heavy, module: 'heavy' },
  { ...heavy, module: 'heavyXd' },
  { ...heavy, from: /another/ },
])('a module is not taken for another one: $module from $from', async (standIn) => {
  await expect(bundle(new StandIns(), 'library.js', standIn)).rejects.toThrow('Could not resolve "heavy.d"');
});

it('one that some bundles do not need is used all the same', async () => {
  const standIns = new StandIns();
  for (const entry of ['other.js', 'library.js', 'other.js']) await bundle(standIns, entry, heavy);
  standIns.requireUsed();
});

it('one that no bundle has asked for fails the build, in one line that names it', async () => {
  const standIns = new StandIns();
  const stale = { from: /library/, module: 'left-behind', code: '' };
  await bundle(standIns, 'library.js', heavy, stale);
  await bundle(standIns, 'other.js', heavy);
  const failure = expect.objectContaining({
    message: 'stand-in for "left-behind": nothing in library imports it (build/library-stand-ins.mjs)',
    exitCode: 1,
  });
  expect(() => standIns.requireUsed()).toThrow(failure);
});
