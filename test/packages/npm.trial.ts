import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../rig/daemon.ts';
import { built, npmFile } from './built.ts';
import { CleanRoot } from './clean-root.ts';
import { endDaemon, pinging, startDaemon, useSandbox } from './use.ts';

/** This Node and its npm, as an administrator would have put them into /usr/local. */
async function installNode(root: CleanRoot): Promise<void> {
  const npm = (await runToEnd(['npm', 'root', '-g'])).stdout.trim();
  await mkdir(join(root.path, 'usr/local/lib/node_modules'), { recursive: true });
  await cp(process.execPath, join(root.path, 'usr/local/bin/node'));
  const target = join(root.path, 'usr/local/lib/node_modules/npm');
  await cp(join(dirname(npm), 'node_modules/npm'), target, { recursive: true, verbatimSymlinks: true });
  await root.ok('ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm');
}

describe('the npm package', () => {
  it('is installed, used, upgraded under running containers, and uninstalled', async () => {
    await using root = await CleanRoot.create();
    await installNode(root);
    const before = await root.state();
    const install = `npm install -g --offline --no-audit --no-fund`;
    await root.ok(`${install} ${await root.take(await built(npmFile, 'before'))}`);
    await startDaemon(root);
    await useSandbox(root);
    const old = await root.ok('fairlead --version');
    const newer = await root.take(await built(npmFile));
    const said = await pinging(root, async () => {
      const installed = await root.run(`${install} ${newer}`);
      expect(installed).toMatchObject({ code: 0, stderr: '' });
      await endDaemon(root);
      await startDaemon(root);
    });
    expect(said).toContain(' 0% packet loss');
    expect(await root.ok('fairlead --version')).not.toBe(old);
    const packages = await root.ok(
      'ls -d /usr/local/lib/node_modules/fairlead/node_modules/* 2>/dev/null | wc -l',
    );
    expect(Number(packages)).toBeLessThan(20);
    expect(Number(await root.ok('du -sm /usr/local/lib/node_modules/fairlead | cut -f1'))).toBeLessThan(60);

    await root.ok('fairlead link-docker');
    expect(await root.ok('docker network ls')).toContain('foo');
    expect(await root.ok('fairlead uninstall --force --purge')).toMatch(
      /the program itself: npm rm -g fairlead\n$/,
    );
    await root.ok('npm rm -g fairlead');
    expect(await root.state()).toEqual(before);
  });
});
