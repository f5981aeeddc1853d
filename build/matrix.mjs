// `npm run test:matrix [-- VERSION… [--all] [-- VITEST-ARGUMENTS]]`: the tests under each Node that package.json's
// `engines` names the least of, and the newest. Without arguments the ones that need no servers; `--all`: the whole suite,
// as `npm test` runs it.
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeFor, nodeVersions } from './node-binary.mjs';
import { run } from './run.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const quick = [
  'test/unit',
  'test/contract/store-memory',
  'test/contract/store-embedded',
  'test/contract/driver',
];

const words = process.argv.slice(2);
const dashes = words.includes('--') ? words.indexOf('--') : words.length;
const given = words.slice(dashes + 1);
const all = words.slice(0, dashes).includes('--all');
const asked = words
  .slice(0, dashes)
  .filter((word) => word !== '--all')
  .map(fullVersion);

if (all && given.length > 0) throw new Error('--all and the names of tests exclude each other');

/** Of a checkout that is set up and checked already: neither is a matter of Node's version. */
const suite = 'npm run --silent test:together && npm run --silent test:alone';

/** All of them, whatever the first one says. */
const failed = [];
for (const version of asked.length > 0 ? asked : nodeVersions.supported) {
  console.log(`\n== Node ${version}`);
  const bin = publicCopy(join(await nodeFor(version, process.arch), 'bin/node'));
  const options = { env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` } };
  const node = join(bin, 'node');
  await run(node, ['build.mjs'], options);
  const tests = ['node_modules/vitest/vitest.mjs', 'run', ...(given.length > 0 ? given : quick)];
  const ran = all ? run('sh', ['-c', suite], options) : run(node, tests, options);
  await ran.catch(() => failed.push(version));
  rmSync(dirname(bin), { recursive: true, force: true });
}
if (failed.length > 0) {
  console.error(`\nfailed under Node ${failed.join(', ')}`);
  process.exitCode = 1;
}

/** Tests run as other users, too, who may not look into this one's home. @returns the folder */
function publicCopy(program) {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-node-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin, { mode: 0o755 });
  chmodSync(folder, 0o755);
  copyFileSync(program, join(bin, 'node'));
  return bin;
}

/** `22` is the one of that series that is known. */
function fullVersion(word) {
  const found = nodeVersions.supported.find((version) => version === word || version.startsWith(`${word}.`));
  if (found === undefined)
    throw new Error(`Node ${word}: expected one of ${nodeVersions.supported.join(', ')}`);
  return found;
}
