import { createMemoryLedger, MemoryStore } from '../../kvstore/local/memory.ts';
import type { Store } from '../../kvstore/store.ts';
import { describeStore } from './store.ts';

describeStore('memory', async () => {
  const ledger = createMemoryLedger();
  const clients: Store[] = [];
  return {
    shared: true,
    open: async () => {
      const client = new MemoryStore(ledger);
      clients.push(client);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) await client.close();
    },
  };
});
