import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runToEnd } from '../rig/daemon.ts';
import { places } from './built.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An upgrade is from what was built before: the commit before this one, or the one that FAIRLEAD_BEFORE names. */
export default async function buildBoth(): Promise<() => Promise<void>> {
  const before = dirname(dirname(places.before));
  const remove = () => rm(before, { recursive: true, force: true });
  await remove();
  await succeed(['node', 'build/packages/main.mjs'], root);
  await succeed(['git', 'clone', '-q', root, before], root);
  await succeed(['git', 'checkout', '-q', process.env.FAIRLEAD_BEFORE ?? 'HEAD~1'], before);
  await succeed(
    ['sh', '-c', `cp -al ${root}node_modules . 2>/dev/null; rm -rf node_modules/.fairlead-before`],
    before,
  );
  await succeed(['node', 'build/packages/main.mjs', 'npm', 'deb:x64'], before);
  return remove;
}

async function succeed(words: readonly string[], folder: string): Promise<void> {
  const { code, stdout, stderr } = await runToEnd(['env', '-C', folder, ...words]);
  if (code !== 0) throw new Error(`${words.join(' ')}: exit code ${code}\n${stdout}${stderr}`);
}
