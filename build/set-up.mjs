import { existsSync, readFileSync } from 'node:fs';
import { stage } from './progress.mjs';
import { run } from './run.mjs';

/** What a fresh clone lacks: packages, and for tests, benchmarks and the trial of packages Debian's. */
export async function setUp(purpose) {
  await installPackages();
  if (purpose === 'test') await installDebianPackages([]);
  if (purpose === 'bench' || purpose === 'packages') await installDebianPackages([purpose]);
}

async function installPackages() {
  if (areInstalled()) return;
  // No package needs its script here.
  const words = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const options = { stdio: ['ignore', 'ignore', 'inherit'], env: ofThisFolder(process.env) };
  await stage('installing npm packages', () => run('npm', words, options));
}

/** Within an `npm i -g ./`, npm's settings for that are in the environment. */
function ofThisFolder(env) {
  const {
    npm_config_global: _,
    npm_config_location: __,
    npm_config_prefix: ___,
    npm_config_omit: ____,
    ...rest
  } = env;
  return rest;
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
