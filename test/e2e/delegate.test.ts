import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cleanEnvironment, runToEnd } from '../rig/daemon.ts';

const ours = fileURLToPath(new URL('../../dist/bin', import.meta.url));

/** The drop-ins without a real one beside them, and beside scripts that people write in its place. */
describe('a drop-in', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-delegate-'));
    // Of the machine's own folders none: there may be a real docker in them.
    for (const program of ['/bin/sh', process.execPath])
      await symlink(program, join(folder, program.replace(/.*\//, '')));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const run = (words: readonly string[]) => runToEnd(words, { ...cleanEnvironment(), PATH: folder });

  it.each([['--version'], ['-v']])(
    'prints a version line without another docker: docker %s',
    async (flag) => {
      const { code, stdout, stderr } = await run([process.execPath, join(ours, 'docker'), flag]);
      // As Docker's: `Docker version 28.5.2+dfsg4, build 89c5e8f`.
      expect(stdout).toMatch(/^Docker version \d+\.\d+\.\d+[^ ,]*, build \w+.*\n$/);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    },
  );

  /** At most this many starts, should it go on for ever. */
  const bound = 40;

  async function wrapper(
    name: string,
    words: string,
  ): Promise<{ file: string; starts: () => Promise<number> }> {
    const [file, count] = [join(folder, name), join(folder, 'starts')];
    const script = `#!/bin/sh
echo >> ${count}
n=0; while read -r _; do n=$((n + 1)); done < ${count}
[ $n -le ${bound} ] || exit 99
exec ${process.execPath} ${join(ours, name)} ${words}
`;
    await writeFile(file, script);
    await chmod(file, 0o755);
    return { file, starts: async () => (await readFile(count, 'utf8')).length };
  }

  it.each([
    ['docker', ['compose', 'version']],
    ['docker', ['no-such']],
    ['dokku', ['no:such']],
  ])('called %s says in one line that a script of that name runs it: %j', async (name, words) => {
    const { file, starts } = await wrapper(name, '"$@"');
    const { code, stdout, stderr } = await run([file, ...words]);
    expect(stdout + stderr).toContain(
      `${file} runs Fairlead's ${name} again: no other ${name} is on the PATH\n`,
    );
    expect((stdout + stderr).trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(127);
    // The script, and what we took for the real one.
    expect(await starts()).toBe(2);
  });

  it.each(['docker', 'dokku'])('called %s says so of one that adds words each time', async (name) => {
    const { file, starts } = await wrapper(name, '"$@" more');
    const { code, stdout, stderr } = await run([file, 'no:such']);
    expect((stdout + stderr).trimEnd().split('\n')).toEqual([
      expect.stringContaining(`${file} runs Fairlead's ${name} again`),
    ]);
    expect(code).toBe(127);
    expect(await starts()).toBeLessThan(bound);
  });

  it.each([['network'], ['network:help'], ['--quiet', 'network']])(
    'called dokku has the help of its own topic, whatever dokku is beside it: %s',
    async (...words) => {
      const file = join(folder, 'dokku');
      await writeFile(file, '#!/bin/sh\necho real\n');
      await chmod(file, 0o755);
      const { code, stdout } = await run([process.execPath, join(ours, 'dokku'), ...words]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Usage: dokku network/m);
      expect(stdout).not.toContain('real');
    },
  );

  it.each(['docker', 'dokku'])(
    'called %s hands the rest to a script that runs something else',
    async (name) => {
      const file = join(folder, name);
      await writeFile(file, '#!/bin/sh\necho "$0 $*"; exit 3\n');
      await chmod(file, 0o755);
      const { code, stdout } = await run([process.execPath, join(ours, name), 'no:such', '-x']);
      expect({ code, stdout }).toEqual({ code: 3, stdout: `${file} no:such -x\n` });
    },
  );
});
