import { fileURLToPath } from 'node:url';
import { buildPrevious, succeed } from './before.ts';

/** `FAIRLEAD_BUILT=1`: of this checkout they are built already. */
export default async function buildBoth(): Promise<void> {
  await buildPrevious();
  if (process.env.FAIRLEAD_BUILT) return;
  await succeed(['node', 'build/packages/main.mjs'], fileURLToPath(new URL('../..', import.meta.url)));
}
