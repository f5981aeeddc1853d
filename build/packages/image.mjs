import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  createReadStream,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { run } from '../run.mjs';
import { archive, withGzip } from './archive.mjs';

const architectures = { x64: 'amd64', arm64: 'arm64' };

/** What the sandbox way uses, and a container's programs may: they are programs of the image. */
const debianPackages = [
  ...[
    'libc6',
    'libc-bin',
    'libstdc++6',
    'conntrack',
    'iproute2',
    'nftables',
    'util-linux',
    'mount',
    'procps',
  ],
  // A packet within one of our bridges passes the Engine's FORWARD chain, too, whose policy is DROP.
  'iptables',
  ...['dash', 'coreutils', 'grep', 'iputils-ping', 'netcat-openbsd', 'ca-certificates'],
];

/**
 * An archive that `docker load` takes, of any Engine, and that is an OCI image layout as well: one layer of Debian's
 * packages, unpacked and not configured, and one of ours. No registry and no Engine is needed to make it.
 */
export async function buildImage({ folder, tree, arch, release, outdir }) {
  const blobs = `${folder}/image/blobs/sha256`;
  mkdirSync(blobs, { recursive: true });
  const base = `${folder}/base.tar.gz`;
  await debianLayer(base, architectures[arch], release);
  const own = `${folder}/own.tar.gz`;
  await ownLayer(own, `${folder}/own`, tree, release);
  const layers = [await addLayer(blobs, base), await addLayer(blobs, own)];
  const config = addJson(blobs, configOf(architectures[arch], layers, release), configType);
  const image = {
    schemaVersion: 2,
    mediaType: manifestType,
    config,
    layers: layers.map(({ diffId: _, ...layer }) => layer),
  };
  const manifest = addJson(blobs, image, manifestType);
  writeIndex(`${folder}/image`, { manifest, config, layers }, release);
  const file = `${outdir}/fairlead-${release.version}-image-${architectures[arch]}.tar`;
  await archive(resolve(file), `${folder}/image`, ['.'], release);
  return file;
}

const configType = 'application/vnd.oci.image.config.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';

async function debianLayer(file, architecture, { time }) {
  const root = `${file}.root`;
  const mirror = execFileSync(
    'apt-get',
    ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Component: main'],
    { encoding: 'utf8' },
  ).split('\n')[0];
  const env = {
    ...process.env,
    SOURCE_DATE_EPOCH: String(Math.floor(Date.parse(time || '1970-01-01') / 1000)),
  };
  const words = ['--quiet', '--variant=extract', `--architectures=${architecture}`];
  const include = `--include=${debianPackages.join(',')}`;
  await run('mmdebstrap', [...words, include, 'bookworm', root, mirror], { env });
  await run('sh', ['-c', tidyUp, 'sh', root]);
  await archive(resolve(file), root, ['.'], { time }, { compress: withGzip });
}

/** Licences stay. Nothing is configured, so what postinst scripts would write is written here. */
const tidyUp = `set -e; cd "$1"
  rm -rf usr/share/man usr/share/locale usr/share/info usr/share/lintian usr/share/bash-completion var/cache/* var/lib/apt
  find usr/share/doc -type f ! -name copyright -delete
  echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd
  echo 'root:x:0:' >etc/group
  echo 'hosts: files dns' >etc/nsswitch.conf
  cat usr/share/ca-certificates/mozilla/*.crt >etc/ssl/certs/ca-certificates.crt
  for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -s xtables-nft-multi usr/sbin/$name
  done
  mkdir -p root tmp run var/lib; chmod 1777 tmp`;

async function ownLayer(file, root, tree, release) {
  cpSync(tree, `${root}/usr/lib/fairlead`, { recursive: true });
  mkdirSync(`${root}/usr/bin`, { recursive: true });
  symlinkSync('../lib/fairlead/dist/bin/fairlead', `${root}/usr/bin/fairlead`);
  await archive(resolve(file), root, ['usr'], release, { compress: withGzip });
}

/** `diffId`: the hash of what is inside, which runtimes check. */
async function addLayer(blobs, file) {
  const inside = createHash('sha256');
  await pipeline(createReadStream(file), createGunzip(), inside);
  const outside = createHash('sha256');
  await pipeline(createReadStream(file), outside);
  const digest = outside.digest('hex');
  const { size } = statSync(file);
  renameSync(file, join(blobs, digest));
  return { mediaType: layerType, digest: `sha256:${digest}`, size, diffId: `sha256:${inside.digest('hex')}` };
}

function addJson(blobs, value, mediaType) {
  const text = JSON.stringify(value);
  const digest = createHash('sha256').update(text).digest('hex');
  writeFileSync(join(blobs, digest), text);
  return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
}

function configOf(architecture, layers, { version, commit, time }) {
  const created = time || '1970-01-01T00:00:00Z';
  return {
    architecture,
    os: 'linux',
    created,
    config: {
      Entrypoint: ['/usr/bin/fairlead'],
      Cmd: ['daemon'],
      Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      Volumes: { '/var/lib/fairlead': {} },
      Labels: {
        'org.opencontainers.image.title': 'fairlead',
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.revision': commit,
        'org.opencontainers.image.licenses': 'Apache-2.0',
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: ['Debian packages', 'Fairlead and Node'].map((comment) => ({ created, comment })),
  };
}

/** Two tables of contents: OCI's, and the one that `docker load` has always read. */
function writeIndex(folder, { manifest, config, layers }, { version }) {
  // A tag has no `+`.
  const tag = version.replaceAll('+', '-');
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  const write = (name, value) => writeFileSync(join(folder, name), JSON.stringify(value));
  const path = ({ digest }) => `blobs/sha256/${digest.slice('sha256:'.length)}`;
  write('oci-layout', { imageLayoutVersion: '1.0.0' });
  write('index.json', { schemaVersion: 2, manifests: [{ ...manifest, annotations }] });
  write('manifest.json', [
    { Config: path(config), RepoTags: [`fairlead:${tag}`, 'fairlead:latest'], Layers: layers.map(path) },
  ]);
}
