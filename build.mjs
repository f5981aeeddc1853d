// Builds dist/ with esbuild; `--setup[=test|=bench]` first installs what a fresh clone lacks.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
process.chdir(root);

const setup = process.argv.find((arg) => arg.startsWith('--setup'));
if (setup) {
  installPackages();
  if (setup === '--setup=test') installDebianPackages([]);
  if (setup === '--setup=bench') installDebianPackages(['bench']);
}
function installPackages() {
  const stamp = 'node_modules/.package-lock.json';
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync('package-lock.json').mtimeMs) return;
  console.log('installing npm packages (once) …');
  // Not `npm ci`: it refuses a registry that lacks optional packages of other platforms.
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** Tests and benchmarks talk to real servers and use real tools; on Debian, root can install them. */
function installDebianPackages(words) {
  run('bash', ['test/rig/packages.sh', ...words]);
}

/** Built beside and put in place at the end: whoever uses dist meanwhile has the old one or the new one. */
async function bundle() {
  const fresh = mkdtempSync('dist.new-');
  try {
    await buildInto(fresh);
    if (existsSync('dist')) renameSync('dist', `${fresh}.old`);
    renameSync(fresh, 'dist');
  } finally {
    for (const leftOver of [fresh, `${fresh}.old`]) rmSync(leftOver, { recursive: true, force: true });
  }
}

async function buildInto(outdir) {
  const { build } = await import('esbuild');
  const common = { outdir, bundle: true, platform: 'node', target: 'node20', logLevel: 'warning' };
  await build({ ...common, ...daemonBundle });
  await build({ ...common, ...shimBundle });
  await build({ ...common, ...cliBundle });
  mkdirSync(`${outdir}/bin`);
  // Makes files without an extension CommonJS, on every Node 20.
  writeFileSync(`${outdir}/bin/package.json`, '{ "type": "commonjs" }\n');
  chmodSync(outdir, 0o755);
  for (const name of executables) await makeExecutable(`${outdir}/bin/${name}`);
}

/**
 * The daemon is made of ES modules, with its packages (native ones too) beside it. Those of which it uses a little,
 * and which take long to load whole, are inside: zod has 64 languages, yargs a help that ours replaces.
 */
const inside = ['zod', 'yargs'];
const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const daemonBundle = {
  entryPoints: { daemon: 'src/daemon/command.ts', 'dns-thread': 'src/dns/thread/thread.ts' },
  chunkNames: 'chunks/[name]-[hash]',
  splitting: true,
  format: 'esm',
  external: Object.keys(dependencies).filter((name) => !inside.includes(name)),
  sourcemap: true,
  plugins: [{ name: 'lean', setup: (build) => makeLean(build, lighterYargs) }],
};

/** A container's shim starts with each container. */
const shimBundle = {
  entryPoints: { shim: 'src/container/shim/main.ts' },
  format: 'cjs',
  minify: true,
  outExtension: { '.js': '.cjs' },
};

/**
 * The CLI starts for every command, and its start-up time is a budget (DESIGN 12): one CommonJS file each, for
 * which Node needs no module loader, with its packages inside and what it never uses left out. What is only
 * imported dynamically is in the same file too, and evaluated when it is asked for.
 */
const executables = ['fairlead', 'docker', 'dokku'];
const cliBundle = {
  entryPoints: {
    'cli/yargs': 'yargs',
    ...Object.fromEntries(executables.map((name) => [`cli/${name}`, `bin/${name}.ts`])),
  },
  format: 'cjs',
  minify: true,
  define: { 'import.meta.url': 'bundleMeta.url' },
  banner: {
    js: "const bundleMeta = { get url() { return require('node:url').pathToFileURL(__filename).href; } };",
  },
  plugins: [{ name: 'lean', setup: (build) => makeLean(build, standIns) }],
};

const writesNothing = "module.exports = { inherits: require('node:util').inherits, inspect: () => '' };";

const lighterYargs = [
  {
    from: /yargs/,
    path: /^assert$/,
    code: `const check = (ok, message) => { if (!ok) throw new Error(message); };
      exports.strictEqual = (a, b, message) => check(a === b, message);
      exports.notStrictEqual = (a, b, message) => check(a !== b, message);`,
  },
  // yargs' own help, which ours replaces: an emoji expression and a segmenter that take 35 ms to make.
  { from: /yargs/, path: /^cliui$/, code: 'module.exports = () => { throw new Error("no help here"); };' },
  { from: /yargs/, path: /^string-width$/, code: 'module.exports = (text) => text.length;' },
];

/** Package by package: what stands in for what the CLI never calls, or calls only later. */
const standIns = [
  // The daemon is another bundle, of ES modules; code from V8's cache cannot import, so the launcher does it.
  {
    path: /daemon\/command\.ts$/,
    code: "module.exports = { get daemon() { return importModule('../daemon.js').then((it) => it.daemon); } };",
  },
  // A line without flags goes without it, so its code is loaded apart.
  { from: /flags.parse\.ts$/, path: /^yargs$/, code: "module.exports = load('yargs').default;" },
  // Swarm sessions, image builds and ssh: gRPC, protobuf, tar, ssh2.
  {
    from: /dockerode/,
    path: /^(\.\/(session|buildkit)|tar-fs|@balena\/dockerignore)$/,
    code: refuse('dockerode'),
  },
  { from: /docker-modem/, path: /^\.\/ssh$/, code: refuse('ssh') },
  { from: /docker-modem/, path: /^debug$/, code: 'module.exports = () => () => {};' },
  { from: /docker-modem/, path: /^readable-stream$/, code: "module.exports = require('node:stream');" },
  // It writes every request out for its debug log, which is off.
  { from: /docker-modem/, path: /^util$/, code: writesNothing },
  { from: /dockerode/, path: /^zlib$/, code: lazily('zlib', 'createGzip') },
  // TLS costs 5 ms; a unix socket needs none.
  { from: /docker-modem/, path: /^https$/, code: lazily('https', 'request') },
  ...lighterYargs,
];

function lazily(module, method) {
  return `module.exports = { ${method}: (...args) => require('node:${module}').${method}(...args) };`;
}

function refuse(what) {
  return `module.exports = () => { throw new Error('${what}: left out of the CLI'); };`;
}

function makeLean(build, standIns) {
  for (const [index, { from = /./, path, code }] of standIns.entries()) {
    build.onResolve({ filter: path }, (asked) =>
      from.test(asked.importer) ? { path: asked.path, namespace: `stand-in-${index}` } : undefined,
    );
    build.onLoad({ filter: /./, namespace: `stand-in-${index}` }, () => ({
      contents: code,
      loader: 'js',
      resolveDir: root,
    }));
  }
}

/** The launcher under the program's name, and the compiled code that it starts from. */
async function makeExecutable(file) {
  copyFileSync('bin/launcher.cjs', file);
  chmodSync(file, 0o755);
  await compileAhead(file, warmUp[basename(file)]);
}

/** Whatever this command uses is what V8 has ready later: it talks to a daemon that knows one network. */
const warmUp = {
  fairlead: ['network', 'ls', '-q'],
  docker: ['network', 'ls', '-q'],
  dokku: ['network:list'],
};

async function compileAhead(file, words) {
  const socket = join(mkdtempSync(join(tmpdir(), 'fairlead-build-')), 'socket');
  const network = { Id: '0', Name: 'foo', Created: '', Driver: 'bridge' };
  const server = createServer((_request, response) => response.end(JSON.stringify([network])));
  await once(server.listen(socket), 'listening');
  const env = { ...process.env, FAIRLEAD_HOST: `unix://${socket}`, FAIRLEAD_WRITE_CODE_CACHE: '1' };
  const child = spawn(process.execPath, [file, ...words], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  server.close();
  rmSync(dirname(socket), { recursive: true });
  if (code !== 0) throw new Error(`${file} ${words.join(' ')} ended with exit code ${code}`);
}

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

await bundle();
