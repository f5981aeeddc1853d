import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { built, tarballFile } from './built.ts';
import { CleanRoot } from './clean-root.ts';
import { endDaemon, pinging, startDaemon, useSandbox } from './use.ts';

/** Unpacks it beside what is there, as docs/install.md says, and links what is on the PATH. @returns its folder */
async function install(root: CleanRoot, file: string): Promise<string> {
  const folder = `/opt/${basename(file, '.tar.gz')}`;
  await root.ok(`tar -C /opt -xf ${await root.take(file)} 2>&1`);
  await root.ok(`ln -sfn ${folder}/bin/fairlead /usr/local/bin/fairlead`);
  return folder;
}

describe('the self-contained tarball', () => {
  it('is unpacked, used, upgraded under running containers, and removed', async () => {
    await using root = await CleanRoot.create();
    const before = await root.state();
    const older = await install(root, await built(tarballFile, 'before'));
    await startDaemon(root);
    await useSandbox(root);
    const old = await root.ok('fairlead version --format "{{.Server.Version}}"');
    let newer = '';
    const said = await pinging(root, async () => {
      newer = await install(root, await built(tarballFile));
      await endDaemon(root);
      await startDaemon(root);
      await root.ok(`rm -r ${older}`);
    });
    expect(said).toContain(' 0% packet loss');
    expect(await root.ok('fairlead version --format "{{.Server.Version}}"')).not.toBe(old);
    expect(await root.ok('fairlead exec c2 getent hosts db')).toBe('172.18.0.2      db\n');
    await root.ok('fairlead link-docker');
    expect(await root.ok('docker network ls')).toContain('foo');
    const uninstalled = await root.ok('fairlead uninstall --force --purge');
    expect(uninstalled.split('\n').at(-2)).toBe(`the program itself: rm -r ${newer}`);
    await root.ok(`rm -r ${newer} /usr/local/bin/fairlead`);
    expect(await root.state()).toEqual(before);
  });
});
