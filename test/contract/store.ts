import { describe, it } from 'vitest';
import { commitCases } from './store/commits.ts';
import { entryCases } from './store/entries.ts';
import { leaseCases } from './store/leases.ts';
import { limitCases } from './store/limits.ts';
import type { StoreCase, StoreRig } from './store/rig.ts';
import { watchCases } from './store/watches.ts';

/** The contract of kvstore/store.ts, rule by rule. Every backend passes all of it, the same. */
export const storeCases: readonly StoreCase[] = [
  ...entryCases,
  ...limitCases,
  ...commitCases,
  ...watchCases,
  ...leaseCases,
];

/** Milliseconds for one case: the longest wait for a lease to end twice, or write 20,000 keys. */
const caseTimeout = 90_000;

/** Registers the suite. Each case gets an empty store of its own. */
export function describeStore(name: string, makeRig: () => Promise<StoreRig>): void {
  describe(`store contract: ${name}`, () => {
    for (const storeCase of storeCases) {
      it.concurrent(storeCase.name, () => runCase(storeCase, makeRig), caseTimeout);
    }
  });
}

export async function runCase(storeCase: StoreCase, makeRig: () => Promise<StoreRig>): Promise<void> {
  await using rig = await makeRig();
  await storeCase.run(rig);
}
