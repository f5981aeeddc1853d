import { openEmbeddedStore } from '../../../kvstore/local/embedded.ts';
import { messageOf } from '../../../src/lib/errors.ts';

/** Commits three keys at a time until it is killed, with a line on stdout for each commit acknowledged. */
const [directory = '', round = '0', ttl = '60'] = process.argv.slice(2);

try {
  const store = await openEmbeddedStore(directory);
  const lease = await store.lease(Number(ttl));
  const leased = ['leased/kept', 'leased/left'];
  await store.commit(
    [],
    leased.map((key) => ({ op: 'put', key, value: '1', lease })),
  );
  for (let count = 0; ; count++) {
    const keys = ['a', 'b', 'c'].map((part) => `round-${round}/${count}/${part}`);
    await store.commit(
      [],
      keys.map((key) => ({ op: 'put', key, value: 'x'.repeat(500) })),
    );
    process.stdout.write(`${count}\n`);
  }
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
