import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FairleadError } from './errors.ts';

/** A file of dist/ that is run by itself. @throws internal when it was not built */
export function distFile(name: string): string {
  // From dist, from its folders, and from sources and scripts of tests, which have built dist before.
  const candidates = [`./${name}`, `../${name}`, `../../dist/${name}`, `../../../dist/${name}`];
  const found = candidates.map((path) => fileURLToPath(new URL(path, import.meta.url))).find(existsSync);
  if (found) return found;
  throw new FairleadError('internal', `dist/${name} is missing; build it with: npm run build`);
}
