import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { compileAhead } from '../code-cache.mjs';
import { nodeFor, nodeVersions } from '../node-binary.mjs';
import { run } from '../run.mjs';
import { programsIn, startWith, withNodeBeside } from './programs.mjs';

const quiet = { stdio: ['ignore', 'ignore', 'inherit'] };

/** What every package holds, of which package.json's `files` are the list, and the package.json of a release. */
export async function packContents(folder, { version }) {
  mkdirSync(folder);
  const words = ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder];
  await run('npm', words, quiet);
  const [file] = readdirSync(folder);
  await run('tar', ['-C', folder, '--strip-components=1', '-xzf', join(folder, file)]);
  rmSync(join(folder, file));
  // What only a checkout can do is left out: its scripts and what they need, and a program that builds itself.
  rmSync(join(folder, 'bin'), { recursive: true });
  const {
    scripts: _,
    devDependencies: __,
    overrides: ___,
    allowScripts: ____,
    ...rest
  } = readJson('package.json');
  const bin = { fairlead: 'dist/bin/fairlead' };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ ...rest, version, bin }, null, 2)}\n`);
  return folder;
}

/**
 * The same with Node inside, in a folder that may stand anywhere: `node`, and programs that start with it. Where they
 * run on this machine, V8's compiled code is there too. Made once for each architecture.
 */
export async function runtimeTree(folder, contents, arch) {
  if (existsSync(folder)) return folder;
  cpSync(contents, folder, { recursive: true });
  const node = await nodeFor(nodeVersions.packaged, arch);
  copyFileSync(join(node, 'bin/node'), join(folder, 'node'));
  copyFileSync(join(node, 'LICENSE'), join(folder, 'NODE-LICENSE'));
  chmodSync(join(folder, 'node'), 0o755);
  for (const file of programsIn(folder)) startWith(file, withNodeBeside);
  if (arch === process.arch) await compileAhead(join(folder, 'dist'), join(folder, 'node'));
  return folder;
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
