#!/usr/bin/env node
// What dist/bin/fairlead, docker and dokku are: runs ../cli/<own name>.js with the code that V8 compiled at build
// time. Compiling takes as long as all the rest of a command, and its start-up time is a budget (DESIGN 12).
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const { basename, join } = require('node:path');
const { Script } = require('node:vm');

const file = join(__dirname, '../cli', `${basename(__filename)}.js`);
const cacheFile = `${file}.cache`;

function readCache() {
  try {
    return readFileSync(cacheFile);
  } catch {
    return undefined;
  }
}

// V8 refuses a cache of another Node version and compiles instead. The bundle is ASCII (esbuild escapes the rest), so latin1 saves the decoding.
const script = new Script(
  `(function (require, __filename, importModule) {${readFileSync(file, 'latin1')}\n})`,
  {
    filename: file,
    cachedData: readCache(),
  },
);

if (process.env.FAIRLEAD_WRITE_CODE_CACHE) {
  process.on('exit', () => {
    writeFileSync(`${cacheFile}.new`, script.createCachedData());
    renameSync(`${cacheFile}.new`, cacheFile);
  });
}

script.runInThisContext()(require, __filename, (specifier) => import(specifier));
