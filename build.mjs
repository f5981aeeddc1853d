// Builds dist/ with esbuild; `--setup[=test]` first installs what a fresh clone lacks.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
process.chdir(root);

const setup = process.argv.find((arg) => arg.startsWith('--setup'));
if (setup) {
  installPackages();
  if (setup === '--setup=test') installDebianPackages();
}
await bundle();

function installPackages() {
  const stamp = 'node_modules/.package-lock.json';
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync('package-lock.json').mtimeMs) return;
  console.log('installing npm packages (once) …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** The tests talk to real servers and use real tools; on Debian, root can install them. */
function installDebianPackages() {
  run('bash', ['test/rig/packages.sh']);
}

async function bundle() {
  const { build } = await import('esbuild');
  rmSync('dist', { recursive: true, force: true });
  mkdirSync('dist/bin', { recursive: true });
  await build({
    entryPoints: {
      'bin/fairlead': 'bin/fairlead.ts',
      'bin/docker': 'bin/docker.ts',
      'bin/dokku': 'bin/dokku.ts',
      shim: 'src/container/shim/main.ts',
    },
    outdir: 'dist',
    chunkNames: 'chunks/[name]-[hash]',
    outExtension: { '.js': '.js' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    sourcemap: true,
    logLevel: 'warning',
  });
  for (const name of ['fairlead', 'docker', 'dokku']) finishExecutable(name);
}

/** An executable has no extension: Node takes it as ESM because package.json says so. */
function finishExecutable(name) {
  const file = `dist/bin/${name}`;
  run('mv', [`${file}.js`, file]);
  chmodSync(file, 0o755);
}

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
