// Builds dist/ with esbuild where it is not up to date; `--setup[=test|=bench|=packages]` first installs what a fresh clone lacks.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileAhead } from './build/code-cache.mjs';
import { replaceFolder } from './build/fresh-folder.mjs';
import { cliStandIns, daemonStandIns } from './build/library-stand-ins.mjs';
import { noticesOf } from './build/notices.mjs';
import { stage } from './build/progress.mjs';
import { BuildFailed, run } from './build/run.mjs';
import { setUp } from './build/set-up.mjs';
import { isUpToDate, leaveStamp, stampOf } from './build/stamp.mjs';
import { StandIns } from './build/stand-ins.mjs';
import { describeBuild } from './build/version.mjs';

const root = fileURLToPath(new URL('.', import.meta.url));
process.chdir(root);

async function main() {
  const [, purpose] = process.argv.find((arg) => arg.startsWith('--setup'))?.split('=') ?? ['', 'nothing'];
  if (purpose !== 'nothing') await setUp(purpose);
  const described = describeBuild();
  const stamp = stampOf(JSON.stringify(described));
  if (isUpToDate('dist', stamp)) return;
  await stage('building dist/', () =>
    replaceFolder('dist', (fresh) => buildInto(fresh, described).then(() => leaveStamp(fresh, stamp)), kept),
  );
}

/** What `npm run package` has built. */
const kept = ['packages'];

async function buildInto(outdir, described) {
  const { build } = await import('esbuild');
  const define = { FAIRLEAD_BUILD: JSON.stringify(described) };
  const common = {
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
    metafile: true,
  };
  const inputs = [];
  const standIns = new StandIns();
  for (const program of [daemonBundle, dnsThreadBundle, shimBundle, cliBundle, fakeBundle, testingBundle]) {
    const { standIns: own = [], ...rest } = program;
    const plugins = [standIns.plugin(own, root)];
    const options = { ...common, ...rest, define: { ...define, ...rest.define }, plugins, write: false };
    const { outputFiles, metafile } = await build(options);
    // Not by esbuild's own process, which may outlive an interrupted build for a moment.
    for (const { path, contents } of outputFiles) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, contents);
    }
    inputs.push(...Object.keys(metafile.inputs));
  }
  standIns.requireUsed();
  inputs.push(...(await buildPage(build, outdir)));
  writeFileSync(`${outdir}/licences.txt`, noticesOf(inputs));
  await declareTesting(outdir);
  await writeReference(build, outdir, define);
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
  await compileAhead(outdir);
}

/** What `fairlead ui` serves: three files that load nothing from elsewhere. @returns what is inside */
async function buildPage(build, outdir) {
  const { outputFiles, metafile } = await build({
    entryPoints: { page: 'ui/main.tsx' },
    outdir: join(outdir, 'ui'),
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    logLevel: 'warning',
    metafile: true,
    write: false,
  });
  mkdirSync(`${outdir}/ui`);
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
  for (const name of ['index.html', 'icon.svg']) copyFileSync(`ui/${name}`, `${outdir}/ui/${name}`);
  return Object.keys(metafile.inputs);
}

/** man/ and completion/, from the table of commands; where a package installs them from. */
async function writeReference(build, outdir, define) {
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
    define,
  });
  await run(process.execPath, [outfile, 'build', outdir]);
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
 * every daemon has it.
 */
const daemonBundle = {
  ...asCommonJs,
  entryPoints: { 'cli/daemon': 'src/daemon/command.ts', 'cli/etcd3': 'etcd3' },
  sourcemap: true,
  standIns: daemonStandIns,
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
  standIns: daemonStandIns,
};

/** For consumers, who import it: one file without a package beside it and without native code. */
const testingBundle = {
  entryPoints: { testing: 'src/testing/index.ts' },
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  standIns: daemonStandIns,
};

/** Its types: src/testing/contract.ts imports nothing, so that it is the whole declaration. */
async function declareTesting(outdir) {
  const into = mkdtempSync(join(tmpdir(), 'fairlead-types-'));
  const flags = ['--declaration', '--emitDeclarationOnly', '--noEmit', 'false', '--strict', '--ignoreConfig'];
  const places = ['--target', 'es2023', '--types', '', '--outDir', into, 'src/testing/contract.ts'];
  await run(process.execPath, ['node_modules/typescript/bin/tsc', ...flags, ...places]);
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
  standIns: cliStandIns,
};

/** Ctrl-C ends esbuild, too, and its complaint may be here before the signal is, which then ends us. */
const signalWithinMs = 100;

function fail(error) {
  setTimeout(() => {
    console.error(error instanceof BuildFailed ? error.message : error);
    process.exit(error instanceof BuildFailed ? error.exitCode : 1);
  }, signalWithinMs);
}

process.on('uncaughtException', fail);
main().catch(fail);
