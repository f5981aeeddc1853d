import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, runToEnd } from './daemon.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A clone of the newest commit for a user, with the packages that `npm ci` would bring it. */
export class Clone implements AsyncDisposable {
  private constructor(
    readonly home: string,
    readonly folder: string,
    /** For TMPDIR: the user's alone. */
    readonly temporary: string,
  ) {}

  static async of(uid: number): Promise<Clone> {
    const home = await mkdtemp(join(tmpdir(), 'fairlead-clone-'));
    const clone = new Clone(home, join(home, 'fairlead'), join(home, 't'));
    try {
      await mkdir(clone.temporary);
      await succeed(['git', 'clone', '-q', '--no-hardlinks', root, clone.folder]);
      await succeed(['chown', '-R', `${uid}:${uid}`, home]);
      const link = `cp -al '${root}node_modules' . 2>/dev/null || cp -a '${root}node_modules' .`;
      await succeed(['sh', '-c', `cd ${clone.folder} && { ${link}; }`]);
    } catch (error) {
      await clone[Symbol.asyncDispose]();
      throw error;
    }
    return clone;
  }

  /** What git finds that is not committed. */
  async changes(): Promise<string> {
    return await succeed(['git', '-c', 'safe.directory=*', '-C', this.folder, 'status', '--porcelain']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

async function succeed(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(words, cleanEnvironment());
  if (code !== 0) throw new Error(`${words.join(' ')}: exit code ${code}: ${stderr}`);
  return stdout;
}
