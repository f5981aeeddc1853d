import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runToEnd } from '../rig/daemon.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The build that packages are upgraded from (docs/releasing.md): the last release's tag, or, before there is one, the first
 * commit with all packages, whose containers have other namespaces and whose records are of another day.
 */
export const previous = process.env.FAIRLEAD_BEFORE ?? '3e7b24de6902b1e69af934f778dadb31a93715cb';

const cache = process.env.FAIRLEAD_BUILD_CACHE ?? join(homedir(), '.cache/fairlead-build');

/** Its packages; made once, since a commit never changes. */
export const previousPackages = join(cache, `packages-${previous}`);

export async function buildPrevious(): Promise<void> {
  if (existsSync(previousPackages)) return;
  const clone = `${previousPackages}.clone`;
  await rm(clone, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  try {
    await succeed(['git', 'clone', '-q', root, clone], root);
    await succeed(['git', 'checkout', '-q', previous], clone);
    await succeed(['node', 'build/packages/main.mjs', 'npm', 'tarball:x64', 'deb:x64', 'image'], clone);
    await rename(join(clone, 'dist/packages'), previousPackages);
  } finally {
    await rm(clone, { recursive: true, force: true });
  }
}

export async function succeed(words: readonly string[], folder: string): Promise<void> {
  const { code, stdout, stderr } = await runToEnd(['env', '-C', folder, ...words]);
  if (code !== 0) throw new Error(`${words.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
}
