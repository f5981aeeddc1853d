import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Clone } from '../rig/clone.ts';
import { cleanEnvironment, runToEnd, TestDaemon } from '../rig/daemon.ts';

/** What `npm run package` makes for npm, installed where nothing of the checkout is; the rest is `npm run test:packages`. */
const root = fileURLToPath(new URL('../..', import.meta.url));
let prefix = '';

async function succeed(words: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await runToEnd(words, cleanEnvironment());
  expect({ words, code, stderr: code === 0 ? '' : stderr + stdout }).toEqual({ words, code: 0, stderr: '' });
  return { stdout, stderr };
}

beforeAll(async () => {
  prefix = await mkdtemp(join(tmpdir(), 'fairlead-npm-'));
  const made = await succeed(['node', join(root, 'build/packages/main.mjs'), 'npm']);
  const file = join(root, made.stdout.trim());
  const install = ['npm', 'install', '-g', '--prefix', prefix, '--no-audit', '--no-fund', file];
  await succeed(install);
});
afterAll(() => rm(prefix, { recursive: true, force: true }));

const packageSchema = z.looseObject({ version: z.string() });
const home = () => join(prefix, 'lib/node_modules/fairlead');

describe('the npm package', () => {
  it('brings one program, no scripts, and little else', async () => {
    expect(await readdir(join(prefix, 'lib/node_modules'))).toEqual(['fairlead']);
    expect(await readdir(join(prefix, 'bin'))).toEqual(['fairlead']);
    const { stdout: packages } = await succeed([
      'sh',
      '-c',
      `find ${prefix} -path '*/node_modules/*' -name package.json | grep -Ec 'node_modules/(@[^/]+/)?[^/]+/package.json'`,
    ]);
    expect(Number(packages)).toBeLessThanOrEqual(20);
    const { stdout } = await succeed(['cat', join(home(), 'package.json')]);
    const only = ['private', 'scripts', 'devDependencies', 'overrides', 'allowScripts'];
    expect(only.filter((key) => key in packageSchema.parse(JSON.parse(stdout)))).toEqual([]);
    const { stdout: size } = await succeed(['du', '-sm', prefix]);
    expect(Number.parseInt(size, 10)).toBeLessThan(60);
  });

  it('runs a daemon, which resolves and reaches', async () => {
    const fairlead = join(prefix, 'bin/fairlead');
    await using daemon = await TestDaemon.start({
      program: (data) => [
        ...[fairlead, 'daemon', '--data-root', data, '-H', `unix://${data}/fairlead.sock`],
        ...['--dataplane', 'simulated', '--dns-listen', 'none'],
      ],
    });
    const env = { ...cleanEnvironment(), FAIRLEAD_HOST: daemon.host };
    const run = async (...words: readonly string[]) => {
      const { code, stdout, stderr } = await runToEnd([fairlead, ...words], env);
      expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
      return stdout;
    };
    await run('network', 'create', 'foo');
    await run('run', '-d', '--name', 'c1', '--publish-service', 'db.foo', 'web');
    await run('run', '-d', '--name', 'c2', '--net', 'foo', 'web');
    expect(await run('probe', 'c2', 'db')).toMatch(
      /^db for c2: answered \(NOERROR\)\n {2}172\.\d+\.0\.2 on foo: service db/,
    );
    expect(await run('dns', 'dump')).toMatch(/^db +foo +172\.\d+\.0\.2 /m);
    const { Client, Server } = z
      .object({ Client: packageVersion, Server: packageVersion })
      .parse(JSON.parse(await run('version', '--format', 'json')));
    expect(Client).toEqual(Server);
    const { stdout } = await succeed(['cat', join(home(), 'package.json')]);
    expect(Server.Version).toBe(packageSchema.parse(JSON.parse(stdout)).version);
    expect((await run('node', 'ls')).split('\n')[1]).toContain(Server.Version);
  });
});

describe('a checkout', () => {
  it('is linked by npm without a warning, and built when it is first run', async () => {
    await using clone = await Clone.of(0);
    const linked = join(clone.home, 'prefix');
    const install = [
      'npm',
      'install',
      '-g',
      '--prefix',
      linked,
      '--no-audit',
      '--no-fund',
      '--loglevel=notice',
      './',
    ];
    const { stdout, stderr } = await succeed(['env', '-C', clone.folder, ...install]);
    const installed = expect.stringMatching(/^\nadded 1 package in \d+m?s\n$/);
    expect({ stdout, stderr }).toEqual({ stdout: installed, stderr: '' });
    const { stdout: version } = await succeed([join(linked, 'bin/fairlead'), '--version']);
    expect(version).toMatch(/^Fairlead version 0\.\d+\.\d+\S*\n$/);
    expect(await clone.changes()).toBe('');
  });
});

const packageVersion = z.object({ Version: z.string(), GitCommit: z.string() });
