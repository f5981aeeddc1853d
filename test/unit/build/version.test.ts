import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const start = promisify(execFile);
const source = fileURLToPath(new URL('../../../build/version.mjs', import.meta.url));
const described = z.object({ version: z.string(), commit: z.string(), time: z.string() });

/** A repository whose package.json says 0.2.0. */
class Repository implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  static async create(): Promise<Repository> {
    const repository = new Repository(await mkdtemp(join(tmpdir(), 'flt-version-')));
    await repository.setVersion('0.2.0');
    await repository.git('init', '-q');
    await repository.commit();
    return repository;
  }

  async git(...words: readonly string[]): Promise<string> {
    const who = ['-c', 'user.name=t', '-c', 'user.email=t@t.example', '-c', 'commit.gpgsign=false'];
    return (await start('git', [...who, ...words], { cwd: this.folder })).stdout.trim();
  }

  async setVersion(version: string): Promise<void> {
    await writeFile(join(this.folder, 'package.json'), JSON.stringify({ version }));
  }

  /** @returns its short hash */
  async commit(): Promise<string> {
    await this.git('add', '-A');
    await this.git('commit', '-q', '--allow-empty', '-m', 'x');
    return await this.git('rev-parse', '--short=12', 'HEAD');
  }

  async describe(folder = this.folder) {
    const script = `import(${JSON.stringify(pathToFileURL(source))}).then((m) => console.log(JSON.stringify(m.describeBuild())))`;
    const { stdout } = await start(process.execPath, ['-e', script], { cwd: folder });
    return described.parse(JSON.parse(stdout));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

describe('the version of a build', () => {
  it('counts the commits towards a release, is the release at its tag, and sorts behind it afterwards', async () => {
    await using repository = await Repository.create();
    const second = await repository.commit();
    expect((await repository.describe()).version).toBe(`0.2.0-dev.2+g${second}`);

    await repository.git('tag', 'v0.1.0', 'HEAD~1');
    expect(await repository.describe()).toMatchObject({ version: `0.2.0-dev.1+g${second}`, commit: second });

    await repository.git('tag', '-a', '-m', 'x', 'v0.2.0');
    expect(await repository.describe()).toMatchObject({ version: '0.2.0', commit: second });

    const third = await repository.commit();
    expect((await repository.describe()).version).toBe(`0.2.1-dev.1+g${third}`);

    await repository.setVersion('0.3.0');
    expect((await repository.describe()).version).toBe(`0.3.0-dev.1+g${third}.dirty`);
  });

  it("is the package's own without git, in somebody else's repository as well", async () => {
    await using repository = await Repository.create();
    const inner = join(repository.folder, 'vendor');
    await mkdir(inner);
    await cp(join(repository.folder, 'package.json'), join(inner, 'package.json'));
    expect(await repository.describe(inner)).toEqual({ version: '0.2.0', commit: '', time: '' });
  });
});
