import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { archive, withGzip } from './archive.mjs';

/** Unpacked anywhere it runs: `bin/fairlead`. Not every machine has xz. */
export async function buildTarball({ folder, tree, arch, release, outdir }) {
  const name = `fairlead-${release.version}-linux-${arch}`;
  const root = `${folder}/${name}`;
  cpSync(tree, root, { recursive: true });
  mkdirSync(`${root}/bin`);
  symlinkSync('../dist/bin/fairlead', `${root}/bin/fairlead`);
  const file = `${outdir}/${name}.tar.gz`;
  await archive(resolve(file), folder, [name], release, { compress: withGzip });
  return file;
}
