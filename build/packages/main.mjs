// `npm run package [-- KIND…]`: what people install, built into dist/packages. Kinds: npm, tarball, deb, image; with
// `:x64` or `:arm64` behind it only for that architecture.
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { atExit } from '../at-exit.mjs';
import { removeLeftOvers } from '../fresh-folder.mjs';
import { stage } from '../progress.mjs';
import { run } from '../run.mjs';
import { setUp } from '../set-up.mjs';
import { describeBuild } from '../version.mjs';
import { packContents, runtimeTree } from './contents.mjs';
import { buildDeb } from './deb.mjs';
import { buildImage } from './image.mjs';
import { buildNpm } from './npm.mjs';
import { buildTarball } from './tarball.mjs';

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

const outdir = 'dist/packages';
const kinds = [
  { kind: 'npm', build: buildNpm },
  { kind: 'tarball', build: buildTarball, arch: 'x64' },
  { kind: 'tarball', build: buildTarball, arch: 'arm64' },
  { kind: 'deb', build: buildDeb, arch: 'x64' },
  { kind: 'deb', build: buildDeb, arch: 'arm64' },
  { kind: 'image', build: buildImage, arch: 'x64' },
];

const asked = process.argv.slice(2);
const isNamed = (word, { kind, arch }) => word === kind || word === `${kind}:${arch}`;
const unknown = asked.find((word) => !kinds.some((one) => isNamed(word, one)));
if (unknown) {
  const known = [...new Set(kinds.map(({ kind }) => kind))];
  console.error(`package: unknown kind "${unknown}": expected ${known.join(', ')}`);
  process.exit(125);
}
const wanted = asked.length === 0 ? kinds : kinds.filter((one) => asked.some((word) => isNamed(word, one)));

await setUp('package');
await run(process.execPath, ['build.mjs']);
const release = describeBuild();
removeLeftOvers('dist.work');
const work = `dist.work-${process.pid}`;
const remove = () => rmSync(work, { recursive: true, force: true, maxRetries: 10 });
atExit(remove);
mkdirSync(work);
if (asked.length === 0) rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir, { recursive: true });
try {
  const contents = await packContents(`${work}/contents`, release);
  for (const { kind, build, arch } of wanted) {
    const name = arch ? `${kind}:${arch}` : kind;
    const make = async () => {
      const tree = arch && (await runtimeTree(`${work}/${arch}`, contents, arch));
      return await build({ folder: `${work}/${kind}-${arch}`, contents, tree, arch, release, outdir });
    };
    console.log(await stage(`building ${name}`, make));
  }
} finally {
  remove();
}
