import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { previousPackages } from './before.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm run package` has built of this checkout, and of the build that is upgraded from. */
export const places = {
  now: join(root, 'dist/packages'),
  before: previousPackages,
};

/** The one package whose name matches. */
export async function built(name: RegExp, place: keyof typeof places = 'now'): Promise<string> {
  const found = (await readdir(places[place])).filter((file) => name.test(file));
  const [file] = found;
  if (file === undefined || found.length > 1) {
    throw new Error(`${places[place]}: expected one ${name}, found ${found.join(', ') || 'none'}`);
  }
  return join(places[place], file);
}

export const debFile = /_amd64\.deb$/;
export const npmFile = /\.tgz$/;
export const tarballFile = /-linux-x64\.tar\.gz$/;
export const imageFile = /-image-amd64\.tar$/;
