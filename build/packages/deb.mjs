import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from '../run.mjs';
import { maintainer } from './maintainer.mjs';
import { programsIn, startWith } from './programs.mjs';

const architectures = { x64: 'amd64', arm64: 'arm64' };

/** Where Debian's shells look for completions: the folder of dist/completion, and the name there. */
const completions = {
  bash: (name) => `usr/share/bash-completion/completions/${name}`,
  zsh: (name) => `usr/share/zsh/vendor-completions/${name}`,
  fish: (name) => `usr/share/fish/vendor_completions.d/${name}`,
};

/** The program in /usr/lib/fairlead with Node inside; what belongs elsewhere by Debian's policy is moved there. */
export async function buildDeb({ folder, tree, arch, release, outdir }) {
  const home = `${folder}/usr/lib/fairlead`;
  cpSync(tree, home, { recursive: true });
  for (const name of programsIn(home)) startWith(name, ['#!/usr/lib/fairlead/node']);
  placeDocuments(folder, home, release);
  placeReference(folder, home);
  placeService(folder);
  mkdirSync(`${folder}/usr/bin`, { recursive: true });
  symlinkSync('../lib/fairlead/dist/bin/fairlead', `${folder}/usr/bin/fairlead`);
  writeControl(folder, architectures[arch], release);
  const file = `${outdir}/fairlead_${debianVersion(release)}_${architectures[arch]}.deb`;
  await run('chmod', ['-R', 'u+rwX,go+rX,go-w', folder]);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epochOf(release)) };
  const words = ['--root-owner-group', '-Zxz', '-z3', '--build', folder, file];
  await run('dpkg-deb', words, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  return file;
}

/** `~` sorts before the release: 0.2.0-dev.5 is 0.2.0~dev.5. */
function debianVersion({ version }) {
  return version.replace('-', '~').replaceAll('-', '.');
}

function epochOf({ time }) {
  return time ? Math.floor(Date.parse(time) / 1000) : 0;
}

function placeDocuments(folder, home, release) {
  const documents = `${folder}/usr/share/doc/fairlead`;
  mkdirSync(documents, { recursive: true });
  moveTo(documents, [`${home}/docs`, `${home}/README.md`]);
  const examples = `${documents}/examples`;
  cpSync(`${home}/packaging`, examples, { recursive: true });
  for (const name of ['deb', 'fairlead.service'])
    rmSync(`${examples}/${name}`, { recursive: true, force: true });
  rmSync(`${home}/packaging`, { recursive: true });
  writeFileSync(`${documents}/copyright`, copyright(release));
  rmSync(`${home}/LICENSE`);
  for (const file of [`${home}/NODE-LICENSE`, `${home}/dist/licences.txt`]) {
    writeCompressed(`${documents}/${basename(file)}`, readFileSync(file));
    rmSync(file);
  }
  writeCompressed(`${documents}/CHANGELOG.md`, readFileSync(`${home}/CHANGELOG.md`));
  rmSync(`${home}/CHANGELOG.md`);
  writeCompressed(`${documents}/changelog`, debianChangelog(release));
}

const copyright = (
  release,
) => `Copyright (C) ${new Date(epochOf(release) * 1000).getFullYear()} the authors of Fairlead

Fairlead is under the Apache License, version 2.0, which is on Debian systems in
/usr/share/common-licenses/Apache-2.0.

/usr/lib/fairlead/node is Node.js as its authors released it; its licence, with
those of the libraries inside, is in NODE-LICENSE.gz beside this file.

/usr/lib/fairlead/dist holds packages of others; their licences are in
licences.txt.gz beside this file.
`;

function debianChangelog(release) {
  const date = new Date(epochOf(release) * 1000).toUTCString().replace('GMT', '+0000');
  const head = `fairlead (${debianVersion(release)}) unstable; urgency=medium`;
  return `${head}\n\n  * See CHANGELOG.md.gz.\n\n -- ${maintainer()}  ${date}\n`;
}

/** Man pages and completions, as far as the build has made them. Those for docker and dokku would be in their packages' way. */
function placeReference(folder, home) {
  for (const [shell, place] of Object.entries(completions)) {
    for (const file of filesIn(`${home}/dist/completion/${shell}`).filter((name) =>
      /fairlead[^/]*$/.test(name),
    )) {
      const path = `${folder}/${place(basename(file))}`;
      mkdirSync(dirname(path), { recursive: true });
      cpSync(file, path);
      rmSync(file);
    }
  }
  for (const file of filesIn(`${home}/dist/man`)) {
    const section = /\.(\d)$/.exec(file)?.[1];
    const path = `${folder}/usr/share/man/man${section}/${basename(file)}`;
    mkdirSync(dirname(path), { recursive: true });
    writeCompressed(path, readFileSync(file));
  }
  rmSync(`${home}/dist/man`, { recursive: true, force: true });
}

function placeService(folder) {
  const units = `${folder}/lib/systemd/system`;
  mkdirSync(units, { recursive: true });
  cpSync('packaging/fairlead.service', `${units}/fairlead.service`);
  mkdirSync(`${folder}/etc/fairlead`, { recursive: true });
  writeFileSync(`${folder}/etc/fairlead/fairlead.json`, '{}\n');
}

function writeControl(folder, architecture, release) {
  const debian = `${folder}/DEBIAN`;
  const overrides = `${folder}/usr/share/lintian/overrides`;
  mkdirSync(overrides, { recursive: true });
  cpSync('packaging/deb/lintian-overrides', `${overrides}/fairlead`);
  const files = filesIn(folder);
  mkdirSync(debian);
  for (const name of ['postinst', 'prerm', 'postrm']) {
    cpSync(`packaging/deb/${name}`, `${debian}/${name}`);
    chmodSync(`${debian}/${name}`, 0o755);
  }
  writeFileSync(`${debian}/conffiles`, '/etc/fairlead/fairlead.json\n');
  const sums = files.map((file) => [file.slice(folder.length + 1), md5Of(file)]);
  const listed = sums.filter(([name]) => !name.startsWith('etc/')).map(([name, sum]) => `${sum}  ${name}\n`);
  writeFileSync(`${debian}/md5sums`, listed.join(''));
  const kilobytes = Math.ceil(files.reduce((all, file) => all + statSync(file).size, 0) / 1024);
  writeFileSync(`${debian}/control`, control(architecture, kilobytes, release));
}

function control(architecture, kilobytes, release) {
  return `Package: fairlead
Version: ${debianVersion(release)}
Architecture: ${architecture}
Maintainer: ${maintainer()}
Installed-Size: ${kilobytes}
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 9), init-system-helpers (>= 1.50)
Recommends: conntrack, iproute2, nftables, procps
Suggests: docker.io, bind9-dnsutils
Section: net
Priority: optional
Description: networks and services as first-class objects
 A daemon that brings back the networks and services of Docker's experimental
 release of 2015: create a network, publish a service on it, attach a
 container, and every container on that network resolves the service by name,
 on any host, with the state in the Consul, etcd or ZooKeeper that is there
 already.
 .
 It speaks Docker's HTTP API, answers DNS, and works alone or beside a Docker
 Engine. Node.js is inside.
`;
}

function md5Of(file) {
  return createHash('md5').update(readFileSync(file)).digest('hex');
}

function moveTo(folder, paths) {
  for (const path of paths) {
    cpSync(path, join(folder, basename(path)), { recursive: true });
    rmSync(path, { recursive: true });
  }
}

/** As gzip -9n writes it: without a time. */
function writeCompressed(path, content) {
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
}

/** Regular files below a folder that may not be there, in order. */
function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}
