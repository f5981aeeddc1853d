#!/usr/bin/env node
// What `npm i -g ./` links in a checkout, which is built when its `fairlead` is first run: a script that npm runs while it
// installs (`prepare`) is one that npm 11 warns of.
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const program = join(__dirname, '../dist/bin/fairlead');
if (!existsSync(program)) {
  const build = [join(__dirname, '../build.mjs'), '--setup'];
  // What the command prints is all that belongs on stdout.
  const { status } = spawnSync(process.execPath, build, { stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
process.argv[1] = program;
require(program);
