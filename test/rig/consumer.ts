import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ran, runToEnd } from './daemon.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A project of somebody else's, outside the checkout, that has Fairlead installed from its package, and nothing else. */
export class Consumer implements AsyncDisposable {
  static async create(): Promise<Consumer> {
    const folder = await mkdtemp(join(tmpdir(), 'flt-consumer-'));
    const installed = join(folder, 'node_modules/fairlead');
    await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
    const isMap = (file: string) => file.endsWith('.map');
    await cp(join(root, 'dist'), join(installed, 'dist'), {
      recursive: true,
      filter: (file) => !isMap(file),
    });
    await cp(join(root, 'package.json'), join(installed, 'package.json'));
    await symlink('../fairlead/dist/bin/fairlead', join(folder, 'node_modules/.bin/fairlead'));
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    return new Consumer(folder);
  }

  private constructor(readonly folder: string) {}

  /** A package that the checkout or another folder has installed. */
  async link(name: string, from = join(root, 'node_modules', name)): Promise<void> {
    await symlink(from, join(this.folder, 'node_modules', name));
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(join(this.folder, file), text);
  }

  async run(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    return await runToEnd(['env', '-C', this.folder, ...words], { ...process.env, ...env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
