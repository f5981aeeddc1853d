// Builds dist/ with esbuild; `--setup[=test|=bench]` first installs what a fresh clone lacks.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  cpSync,
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
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
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
  for (const program of [daemonBundle, dnsThreadBundle, shimBundle, cliBundle, fakeBundle, testingBundle])
    await build({ ...common, ...program });
  declareTesting(outdir);
  await writeReference(build, outdir);
  // etcd3 reads them beside the bundle.
  cpSync('node_modules/etcd3/proto', `${outdir}/proto`, { recursive: true });
  mkdirSync(`${outdir}/bin`);
  // Makes files without an extension CommonJS, on every Node 20.
  writeFileSync(`${outdir}/bin/package.json`, '{ "type": "commonjs" }\n');
  chmodSync(outdir, 0o755);
  for (const name of executables) {
    copyFileSync('bin/launcher.cjs', `${outdir}/bin/${name}`);
    chmodSync(`${outdir}/bin/${name}`, 0o755);
  }
  for (const name of executables) await compileCliAhead(`${outdir}/bin/${name}`);
  await compileDaemonAhead(`${outdir}/bin/fairlead`);
}

/** man/ and completion/, from the table of commands; where a package installs them from. */
async function writeReference(build, outdir) {
  const outfile = join(outdir, 'reference.mjs');
  await build({
    entryPoints: ['src/reference/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  run(process.execPath, [outfile, 'build', outdir]);
  rmSync(outfile);
}

/** CommonJS has no `import.meta`. */
const asCommonJs = {
  format: 'cjs',
  define: { 'import.meta.url': 'bundleMeta.url' },
  banner: {
    js: "const bundleMeta = { get url() { return require('node:url').pathToFileURL(__filename).href; } };",
  },
};

/**
 * The daemon is one CommonJS file with its packages inside, as the CLI's below, and etcd's client another, since not
 * every daemon has it. dockerode is loaded from node_modules: it has native code.
 */
const daemonBundle = {
  ...asCommonJs,
  entryPoints: { 'cli/daemon': 'src/daemon/command.ts', 'cli/etcd3': 'etcd3' },
  external: ['dockerode'],
  sourcemap: true,
  plugins: [{ name: 'lean', setup: (build) => makeLean(build, daemonStandIns) }],
};

const dnsThreadBundle = {
  ...asCommonJs,
  entryPoints: { 'dns-thread': 'src/dns/thread/thread.ts' },
  outExtension: { '.js': '.cjs' },
  sourcemap: true,
};

/** `fairlead fake`: a process of what `fairlead/testing` is in one's own. */
const fakeBundle = {
  ...asCommonJs,
  entryPoints: { 'cli/fake': 'src/testing/command.ts' },
  minify: true,
  plugins: [{ name: 'lean', setup: (build) => makeLean(build, daemonStandIns) }],
};

/** For consumers, who import it: one file without a package beside it and without native code. */
const testingBundle = {
  entryPoints: { testing: 'src/testing/index.ts' },
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  plugins: [{ name: 'lean', setup: (build) => makeLean(build, daemonStandIns) }],
};

/** Its types: src/testing/contract.ts imports nothing, so that it is the whole declaration. */
function declareTesting(outdir) {
  const into = mkdtempSync(join(tmpdir(), 'fairlead-types-'));
  const flags = ['--declaration', '--emitDeclarationOnly', '--noEmit', 'false', '--strict', '--ignoreConfig'];
  const places = ['--target', 'es2023', '--types', '', '--outDir', into, 'src/testing/contract.ts'];
  run(process.execPath, ['node_modules/typescript/bin/tsc', ...flags, ...places]);
  const contract = readFileSync(join(into, 'contract.d.ts'), 'utf8');
  writeFileSync(`${outdir}/testing.d.ts`, `${contract}export declare const startFairlead: StartFairlead;\n`);
  rmSync(into, { recursive: true });
}

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
 * imported dynamically is in the same file too, and evaluated when it is asked for. The daemon is apart.
 */
const executables = ['fairlead', 'docker', 'dokku'];
const cliBundle = {
  entryPoints: {
    'cli/yargs': 'yargs',
    ...Object.fromEntries(executables.map((name) => [`cli/${name}`, `bin/${name}.ts`])),
  },
  ...asCommonJs,
  minify: true,
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

const daemonStandIns = [
  { from: /kvstore/, path: /^etcd3$/, code: "module.exports = load('etcd3');" },
  // Routes have no schemas (src/api/without-schemas.ts).
  {
    from: /fastify/,
    path: /^(@fastify\/ajv-compiler|@fastify\/fast-json-stringify-compiler|light-my-request)$/,
    code: refuse('fastify'),
  },
  ...lighterYargs,
];

/** Package by package: what stands in for what the CLI never calls, or calls only later. */
const standIns = [
  {
    path: /daemon\/command\.ts$/,
    code: "module.exports = { get daemon() { return load('daemon').daemon; } };",
  },
  {
    path: /testing\/command\.ts$/,
    code: "module.exports = { get fake() { return load('fake').fake; } };",
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
  return `module.exports = () => { throw new Error('${what}: left out of the bundle'); };`;
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

/** Whatever this command uses is what V8 has ready later: it talks to a daemon that knows one network. */
const warmUp = {
  fairlead: ['network', 'ls', '-q'],
  docker: ['network', 'ls', '-q'],
  dokku: ['network:list'],
};

async function compileCliAhead(file) {
  const name = basename(file);
  await withTemporaryDirectory(async (directory) => {
    const socket = join(directory, 'socket');
    const network = { Id: '0', Name: 'foo', Created: '', Driver: 'bridge' };
    const server = createServer((_request, response) => response.end(JSON.stringify([network])));
    await once(server.listen(socket), 'listening');
    const env = { FAIRLEAD_HOST: `unix://${socket}`, FAIRLEAD_WRITE_CODE_CACHE: `${name} yargs` };
    const child = startAhead(file, warmUp[name], env);
    await endedWell(child);
    server.close();
  });
}

/** A daemon that starts and stops, with a KV store that is not there: what it ran is what V8 has ready later. */
async function compileDaemonAhead(file) {
  await withTemporaryDirectory(async (directory) => {
    const places = ['--data-root', directory, '-H', `unix://${directory}/socket`];
    const rest = ['--dataplane', 'simulated', '--dns-listen', 'none', '--kv-store', 'etcd:127.0.0.1:1'];
    const words = ['daemon', ...places, ...rest, '--log-level', 'fatal'];
    const child = startAhead(file, words, { FAIRLEAD_WRITE_CODE_CACHE: 'daemon etcd3' });
    for await (const line of createInterface(child.stdout))
      if (line.startsWith('ready ')) child.kill('SIGTERM');
    await endedWell(child);
  });
}

function startAhead(file, words, env) {
  const stdio = ['ignore', 'pipe', 'inherit'];
  return spawn(process.execPath, [file, ...words], { env: { ...process.env, ...env }, stdio });
}

async function endedWell(child) {
  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  const [code] = hasEnded ? [child.exitCode] : await once(child, 'exit');
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with exit code ${code}`);
}

async function withTemporaryDirectory(use) {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-build-'));
  try {
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

await bundle();
