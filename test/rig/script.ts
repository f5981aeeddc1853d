import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Inside the checkout, so that a built script finds the packages. */
const cache = fileURLToPath(new URL('../../node_modules/.cache/fairlead-test/', import.meta.url));

/** Makes a TypeScript file runnable by plain `node`, for tests that need a process to kill. Returns the path. */
export async function buildScript(source: string): Promise<string> {
  await mkdir(cache, { recursive: true });
  const outfile = join(cache, `${basename(source, '.ts')}-${process.pid}.mjs`);
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
  return outfile;
}
