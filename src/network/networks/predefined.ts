import type { Network } from '../../cluster/records.ts';
import { foldCase } from '../../lib/names.ts';
import type { NetworkContext } from '../context.ts';

/** They exist on every host, in this order, and cannot be removed. */
export const predefined = [
  { name: 'none', driver: 'null' },
  { name: 'host', driver: 'host' },
  { name: 'bridge', driver: 'bridge' },
] as const;

export function isPredefined(name: string): boolean {
  return predefined.some((network) => network.name === foldCase(name));
}

/**
 * The networks that are ours to keep. Beside an Engine the predefined ones are the Engine's: what is left of ours from
 * another way is not seen.
 */
export function ourNetworks({
  directory,
  engine,
}: Pick<NetworkContext, 'directory' | 'engine'>): readonly Network[] {
  const all = directory.networks();
  return engine ? all.filter(({ name }) => !isPredefined(name)) : all;
}
