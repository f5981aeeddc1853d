import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { afterAll } from 'vitest';

/** Inside the checkout, so that a built script finds the packages; there for as long as the file's tests. */
const folder = fileURLToPath(new URL(`../../node_modules/.fairlead-test-${process.pid}/`, import.meta.url));
afterAll(() => rm(folder, { recursive: true, force: true }));
const launcher = fileURLToPath(new URL('../../bin/launcher.cjs', import.meta.url));

const common: BuildOptions = { bundle: true, platform: 'node', target: 'node20', logLevel: 'error' };

/** Makes a TypeScript file runnable by plain `node`, for tests that need a process to kill. Returns the path. */
export async function buildScript(source: string): Promise<string> {
  const outfile = join(folder, `${basename(source, '.ts')}.mjs`);
  await build({ ...common, entryPoints: [source], outfile, format: 'esm', packages: 'external' });
  return outfile;
}

/**
 * The same for one that is started again and again: like the programs of dist/ it starts with the code that V8 compiled
 * in a run before, one that ended by itself and had `remembersCode` in its environment. That is half of a start.
 */
export async function buildProgram(
  source: string,
): Promise<{ readonly path: string; readonly remembersCode: NodeJS.ProcessEnv }> {
  const name = basename(source, '.ts');
  await build({
    ...common,
    entryPoints: [source],
    outfile: join(folder, 'cli', `${name}.js`),
    format: 'cjs',
    external: ['dockerode'],
    // CommonJS has no `import.meta`.
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  });
  const path = join(folder, 'bin', name);
  await mkdir(join(folder, 'bin'), { recursive: true });
  await copyFile(launcher, path);
  return { path, remembersCode: { FAIRLEAD_WRITE_CODE_CACHE: name } };
}
