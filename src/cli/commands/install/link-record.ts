import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { defaultDataRoot } from '../../../lib/data-root.ts';
import type { Shell } from '../../shell.ts';

/** A line each: where this user has drop-ins, for `uninstall` to find. */
export class LinkRecord {
  readonly #file: string;

  constructor({ env, uid }: Pick<Shell, 'env' | 'uid'>) {
    this.#file = join(defaultDataRoot({ env, uid, home: homedir() }), 'links');
  }

  async read(): Promise<readonly string[]> {
    const text = await readFile(this.#file, 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  async add(path: string): Promise<void> {
    const known = await this.read();
    if (known.includes(path)) return;
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o711 });
    await writeFile(this.#file, [...known, path, ''].join('\n'));
  }

  /** The folder goes too where no daemon keeps anything in it. */
  async forget(): Promise<void> {
    await rm(this.#file, { force: true });
    await rmdir(dirname(this.#file)).catch(() => undefined);
  }
}
