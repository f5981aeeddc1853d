#!/usr/bin/env node
// What dist/bin/fairlead, docker and dokku are: runs ../cli/<own name>.js with the code that V8 compiled at build
// time. Compiling takes as long as all the rest of a command, and its start-up time is a budget (DESIGN 12). The build
// itself sets FAIRLEAD_WRITE_CODE_CACHE to the names of the bundles that this run compiles for later ones.
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');
const { Script } = require('node:vm');

function readCache(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Runs a bundle of ../cli, which may load another, and gives its exports. */
function load(name) {
  const file = join(__dirname, '../cli', `${name}.js`);
  const cacheFile = `${file}.cache`;
  // V8 refuses a cache of another Node version and compiles instead. The bundle is ASCII (esbuild escapes the rest),
  // so latin1 saves the decoding.
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname, load) {${readFileSync(file, 'latin1')}\n})`,
    {
      filename: file,
      cachedData: readCache(cacheFile),
    },
  );
  if (process.env.FAIRLEAD_WRITE_CODE_CACHE?.split(' ').includes(name)) {
    process.on('exit', () => {
      writeFileSync(`${cacheFile}.new`, script.createCachedData());
      renameSync(`${cacheFile}.new`, cacheFile);
    });
  }
  const module = { exports: {} };
  script.runInThisContext()(module.exports, require, module, file, dirname(file), load);
  return module.exports;
}

load(basename(__filename));
