import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stage } from './progress.mjs';
import { run } from './run.mjs';

export const nodeVersions = JSON.parse(
  readFileSync(fileURLToPath(new URL('node-versions.json', import.meta.url)), 'utf8'),
);

const cache = process.env.FAIRLEAD_BUILD_CACHE ?? join(homedir(), '.cache/fairlead-build');

/**
 * A Node for Linux, as its authors built it: npm's packages `node-linux-ARCH` hold it. Fetched once, and only what
 * node-versions.json knows the hash of. @returns the folder, with `bin/node` and `LICENSE`
 */
export async function nodeFor(version, arch) {
  const name = `node-linux-${arch}@${version}`;
  const wanted = nodeVersions.integrity[name];
  if (wanted === undefined) throw new Error(`${name} is not in build/node-versions.json`);
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  await stage(`fetching ${name}`, () => fetchInto(folder, name, wanted));
  return folder;
}

async function fetchInto(folder, name, wanted) {
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'fetch-'));
  try {
    const options = { stdio: ['ignore', 'ignore', 'inherit'] };
    await run('npm', ['pack', '--loglevel=error', '--pack-destination', work, name], options);
    const [file] = readdirSync(work);
    const found = `sha512-${createHash('sha512')
      .update(readFileSync(join(work, file)))
      .digest('base64')}`;
    if (found !== wanted) throw new Error(`${name}: expected ${wanted}, the registry has ${found}`);
    await run('tar', ['-C', work, '-xzf', join(work, file), 'package/bin/node', 'package/LICENSE']);
    renameSync(join(work, 'package'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
