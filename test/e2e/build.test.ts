import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Clone } from '../rig/clone.ts';
import { cleanEnvironment, runToEnd } from '../rig/daemon.ts';
import { until } from '../rig/until.ts';

describe('build.mjs', () => {
  it('builds what has changed only, and leaves nothing when it is interrupted', async () => {
    await using clone = await Clone.of(0);
    const env = { ...cleanEnvironment(), TMPDIR: clone.temporary };
    const build = ['env', '-C', clone.folder, process.execPath, 'build.mjs'];
    const dist = join(clone.folder, 'dist');
    const inode = async () => (await stat(dist)).ino;
    const quiet = { code: 0, stdout: '', stderr: '' };
    expect(await runToEnd(build, env)).toEqual(quiet);
    const first = await inode();
    expect(await runToEnd(build, env)).toEqual(quiet);
    expect(await inode()).toBe(first);

    await appendFile(join(clone.folder, 'src/lib/errors.ts'), '// changed\n');
    // At its beginning, while it bundles, and while programs run that V8 is to know.
    for (const part of ['.', 'cli', 'bin']) {
      const child = spawn(process.execPath, ['build.mjs'], { cwd: clone.folder, env, stdio: 'ignore' });
      const ended = once(child, 'exit');
      await until(
        'a build',
        async () => {
          const fresh = (await readdir(clone.folder)).find((name) => name.startsWith('dist.new-'));
          return (
            fresh !== undefined && (await readdir(join(clone.folder, fresh, part)).catch(() => undefined))
          );
        },
        Boolean,
        60_000,
      );
      child.kill('SIGINT');
      expect((await ended)[0]).toBe(128 + constants.signals.SIGINT);
      expect((await readdir(clone.folder)).filter((name) => name.startsWith('dist'))).toEqual(['dist']);
      expect(await readdir(clone.temporary)).toEqual([]);
      expect(await inode()).toBe(first);
    }
    expect(await runToEnd(build, env)).toEqual(quiet);
    expect(await inode()).not.toBe(first);
    expect(await readFile(join(dist, 'licences.txt'), 'utf8')).toMatch(/^yargs \d\S+ \(MIT\)\n\n/m);
  });
});
