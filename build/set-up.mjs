import { existsSync, readFileSync } from 'node:fs';
import { stage } from './progress.mjs';
import { run } from './run.mjs';

/** What a fresh clone lacks: packages, and for tests and benchmarks Debian's. */
export async function setUp(purpose) {
  await installPackages();
  if (purpose === 'test') await installDebianPackages([]);
  if (purpose === 'bench') await installDebianPackages(['bench']);
}

async function installPackages() {
  if (areInstalled()) return;
  const words = ['ci', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  await stage('installing npm packages', () => run('npm', words, { stdio: ['ignore', 'ignore', 'inherit'] }));
}

/** npm notes what it has installed: every package of the lock but other platforms', none besides. */
function areInstalled() {
  const noted = 'node_modules/.package-lock.json';
  if (!existsSync(noted)) return false;
  const installed = packagesOf(noted);
  const { '': _ourselves, ...locked } = packagesOf('package-lock.json');
  const same = (name) => installed[name]?.integrity === locked[name]?.integrity;
  return (
    Object.keys(installed).every(same) &&
    Object.entries(locked).every(([name, { optional }]) => optional || same(name))
  );
}

function packagesOf(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}

/** Tests and benchmarks talk to real servers and use real tools; on Debian, root can install them. */
async function installDebianPackages(words) {
  await run('bash', ['test/rig/packages.sh', ...words]);
}
