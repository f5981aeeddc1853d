import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { createMemoryLedger, MemoryStore } from '../../kvstore/local/memory.ts';
import { withFault } from '../rig/with-fault.ts';
import { type BrokenStore, brokenStores } from './store/broken.ts';
import type { StoreRig } from './store/rig.ts';
import { runCase, storeCases } from './store.ts';

/** A suite that nothing fails proves nothing: each of these has one fault, and the suite finds it. */
describe.concurrent('store contract rejects a store where', () => {
  for (const broken of brokenStores) {
    it(broken.fault, () => rejectsIt(broken), 40_000);
  }
});

async function rejectsIt(broken: BrokenStore): Promise<void> {
  const storeCase = storeCases.find(({ name }) => name === broken.rejectedBy);
  assert.ok(storeCase, `the suite has "${broken.rejectedBy}"`);
  await assert.rejects(runCase(storeCase, async () => brokenRig(broken)));
}

function brokenRig(broken: BrokenStore): StoreRig {
  const ledger = createMemoryLedger();
  return {
    shared: true,
    open: async () => {
      const sound = new MemoryStore(ledger);
      return withFault(sound, broken.breakIt(sound));
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
