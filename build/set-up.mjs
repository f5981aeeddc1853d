import { existsSync, statSync } from 'node:fs';
import { stage } from './progress.mjs';
import { run } from './run.mjs';

/** What a fresh clone lacks: packages, and for tests and benchmarks Debian's. */
export async function setUp(purpose) {
  await installPackages();
  if (purpose === 'test') await installDebianPackages([]);
  if (purpose === 'bench') await installDebianPackages(['bench']);
}

async function installPackages() {
  const installed = 'node_modules/.package-lock.json';
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs) return;
  const npm = () => run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--silent']);
  await stage('installing npm packages', npm);
}

/** Tests and benchmarks talk to real servers and use real tools; on Debian, root can install them. */
async function installDebianPackages(words) {
  await run('bash', ['test/rig/packages.sh', ...words]);
}
