import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../rig/daemon.ts';
import { built } from './built.ts';
import { CleanRoot } from './clean-root.ts';
import { startDaemon, useSandbox } from './use.ts';

describe('the self-contained tarball', () => {
  it('runs from where it was unpacked, and through a link', async () => {
    await using root = await CleanRoot.create();
    const before = await root.state();
    const file = await root.take(await built(/-linux-x64\.tar\.gz$/));
    await root.ok(`mkdir /opt/fairlead && tar -C /opt/fairlead --strip-components=1 -xf ${file} 2>&1`);
    await root.ok('ln -s /opt/fairlead/bin/fairlead /usr/local/bin/fairlead');
    await startDaemon(root);
    await useSandbox(root);
    await root.ok('fairlead link-docker');
    expect(await root.ok('docker network ls')).toContain('foo');
    expect(await root.ok('fairlead uninstall --force --purge')).toMatch(
      /the program itself: rm -r \/opt\/fairlead\n$/,
    );
    await root.ok('rm -r /opt/fairlead /usr/local/bin/fairlead');
    expect(await root.state()).toEqual(before);
  });

  it('of arm64 has a Node of arm64', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-arm64-'));
    try {
      const file = await built(/-linux-arm64\.tar\.gz$/);
      await runToEnd(['tar', '-C', folder, '--strip-components=1', '-xf', file]);
      const { stdout } = await runToEnd(['file', '-b', join(folder, 'node')]);
      expect(stdout).toMatch(
        /^ELF 64-bit LSB executable, ARM aarch64, .*interpreter \/lib\/ld-linux-aarch64\.so\.1/,
      );
      const x64 = await runToEnd(['find', folder, '-name', '*.node', '-path', '*x64*']);
      expect(x64.stdout).toBe('');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
