import { describe, expect, it } from 'vitest';
import { runToEnd } from '../rig/daemon.ts';
import { built, debFile } from './built.ts';
import { CleanRoot } from './clean-root.ts';
import { endDaemon, pinging, startDaemon, useSandbox } from './use.ts';

describe('the .deb', () => {
  it('is clean to lintian', async () => {
    const { stdout } = await runToEnd([
      'lintian',
      '--allow-root',
      '--profile',
      'debian',
      await built(debFile),
    ]);
    expect(stdout).toBe('');
  });

  it('is installed, used, upgraded under running containers, removed and purged', async () => {
    await using root = await CleanRoot.create();
    const before = await root.state();
    await root.ok(`dpkg -i ${await root.take(await built(debFile, 'before'))}`);
    await startDaemon(root);
    await useSandbox(root);
    const old = await root.ok('fairlead version --format "{{.Server.Version}}"');
    const newer = await root.take(await built(debFile));
    const said = await pinging(root, async () => {
      await root.ok(`dpkg -i ${newer}`);
      await endDaemon(root);
      await startDaemon(root);
    });
    expect(said).toContain(' 0% packet loss');
    const version = await root.ok('fairlead version --format "{{.Server.Version}}"');
    expect(version).not.toBe(old);
    expect(await root.ok('dpkg -s fairlead')).toContain(`\nVersion: ${version.trim().replace('-', '~')}\n`);
    expect(await root.ok('fairlead exec c2 getent hosts db')).toBe('172.18.0.2      db\n');

    expect(await root.ok('dpkg -r fairlead')).toMatch(
      /stopped 2 containers\nstopped the daemon: process \d+\n/,
    );
    const { files: removed, ...kernel } = await root.state();
    const { files, ...kernelBefore } = before;
    expect(kernel).toEqual(kernelBefore);
    expect(removed).toContain('/etc/fairlead/fairlead.json');
    await root.ok('dpkg -P fairlead');
    expect((await root.state()).files).toBe(files);
  });
});
