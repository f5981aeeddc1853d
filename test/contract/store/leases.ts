import assert from 'node:assert/strict';
import type { Store } from '../../../kvstore/store.ts';
import { Follower } from './follower.ts';
import {
  eventually,
  openTwo,
  pause,
  put,
  rejects,
  remove,
  type StoreCase,
  type StoreRig,
  valueAt,
  write,
} from './rig.ts';

/** Seconds. ZooKeeper's least is 4 with the tick of 2 s that it is shipped with. */
const ttl = 5;
/** Seconds after its TTL within which a server must have ended a lease. */
const grace = 5;

export const leaseCases: readonly StoreCase[] = [
  {
    name: 'revoke deletes the keys of the lease, no others, and may be repeated',
    run: async (rig) => {
      const [store, reader] = await openTwo(rig);
      const lease = await store.lease(ttl);
      const other = await store.lease(ttl);
      assert.notEqual(lease.id, other.id);
      assert.equal(lease.ttlSeconds, ttl);
      await write(store, put('l/a', '1', { lease }), put('l/b/c', '1', { lease }), put('l/plain', '1'));
      await write(store, put('l/other', '1', { lease: other }));
      const follower = new Follower(reader, 'l/');
      await follower.sees({ 'l/a': '1', 'l/b/c': '1', 'l/plain': '1', 'l/other': '1' });
      await lease.revoke();
      assert.deepEqual(await keysIn(store), ['l/other', 'l/plain']);
      await follower.sees({ 'l/plain': '1', 'l/other': '1' });
      await lease.revoke();
      assert.equal(lease.lost.aborted, false, 'given up is not lost');
      assert.equal(other.lost.aborted, false);
    },
  },
  {
    name: 'a lease holds more keys than one commit can delete',
    run: async (rig) => {
      const store = await rig.open();
      const lease = await store.lease(ttl);
      const keys = Array.from({ length: 100 }, (_, index) => `l/${index}`);
      for (let at = 0; at < keys.length; at += 25) {
        await write(store, ...keys.slice(at, at + 25).map((key) => put(key, '1', { lease })));
      }
      assert.equal((await keysIn(store)).length, 100);
      await lease.revoke();
      assert.deepEqual(await keysIn(store), []);
    },
  },
  {
    name: 'a put without a lease takes the key off its lease, a put with another moves it',
    run: async (rig) => {
      const store = await rig.open();
      const first = await store.lease(ttl);
      const second = await store.lease(ttl);
      await write(store, put('l/off', '1', { lease: first }), put('l/moved', '1', { lease: first }));
      await write(store, put('l/off', '2'), put('l/moved', '2', { lease: second }));
      await first.revoke();
      assert.equal(await valueAt(store, 'l/off'), '2');
      assert.equal(await valueAt(store, 'l/moved'), '2');
      await second.revoke();
      assert.deepEqual(await keysIn(store), ['l/off']);
    },
  },
  {
    name: 'a plain key put again with a lease is on it; one deleted and made anew is not',
    run: async (rig) => {
      const store = await rig.open();
      const lease = await store.lease(ttl);
      await write(store, put('l/plain', '1'), put('l/gone', '1', { lease }), put('l/same', '1', { lease }));
      await write(store, put('l/plain', '2', { lease }), remove('l/gone'), put('l/same', '2', { lease }));
      await write(store, put('l/gone', '2'));
      await lease.revoke();
      assert.deepEqual(await keysIn(store), ['l/gone']);
    },
  },
  {
    name: 'versions and checks work on keys of a lease as on others',
    run: async (rig) => {
      const store = await rig.open();
      const lease = await store.lease(ttl);
      const created = await store.commit([{ key: 'l/a', expect: 'absent' }], [put('l/a', '1', { lease })]);
      assert.ok(created.ok);
      const version = created.versions.get('l/a') ?? '';
      assert.equal((await store.get('l/a'))?.version, version);
      const replaced = await store.commit(
        [{ key: 'l/a', expect: 'version', version }],
        [put('l/a', '2', { lease })],
      );
      assert.ok(replaced.ok);
      assert.notEqual(replaced.versions.get('l/a'), version);
      assert.deepEqual(await store.commit([{ key: 'l/a', expect: 'version', version }], [remove('l/a')]), {
        ok: false,
        failed: 'l/a',
      });
      await lease.revoke();
      assert.equal((await store.commit([{ key: 'l/a', expect: 'absent' }], [put('l/a', '3')])).ok, true);
    },
  },
  {
    name: 'a commit with an ended lease is refused whole',
    run: async (rig) => {
      const store = await rig.open();
      const lease = await store.lease(ttl);
      await lease.revoke();
      await rejects('unavailable', store.commit([], [put('l/plain', '1'), put('l/a', '1', { lease })]));
      assert.deepEqual(await keysIn(store), []);
    },
  },
  {
    name: 'a lease outlives its TTL while its process keeps it, and ends by its TTL without it',
    run: async (rig) => {
      const store = await rig.open();
      const lease = await store.lease(ttl);
      await write(store, put('l/a', '1', { lease }), put('l/b', '1', { lease }), put('l/plain', '1'));
      await pause((ttl + grace) * 1000);
      assert.equal(await valueAt(store, 'l/a'), '1');
      assert.equal(lease.lost.aborted, false);
      const survivor = await afterDeathOf(store, rig);
      const death = performance.now();
      const follower = new Follower(survivor, 'l/');
      await follower.sees({ 'l/a': '1', 'l/b': '1', 'l/plain': '1' });
      await follower.sees({ 'l/plain': '1' }, (ttl + grace) * 1000);
      assert.ok(performance.now() - death > ttl * 500, 'not before half its TTL');
      assert.deepEqual(await keysIn(survivor), ['l/plain']);
    },
  },
  {
    name: 'keys of a dead process that another has put again stay',
    run: async (rig) => {
      const store = await rig.open();
      const lease = await store.lease(ttl);
      await write(
        store,
        put('l/taken', '1', { lease }),
        put('l/freed', '1', { lease }),
        put('l/left', '1', { lease }),
      );
      const survivor = await afterDeathOf(store, rig);
      const own = await survivor.lease(ttl);
      await write(survivor, put('l/taken', '2', { lease: own }), put('l/freed', '2'));
      await eventually(
        'the dead lease ends',
        async () => (await keysIn(survivor)).length === 2,
        (ttl + grace) * 1000,
      );
      await pause(1000);
      assert.deepEqual(await keysIn(survivor), ['l/freed', 'l/taken']);
      await own.revoke();
      assert.deepEqual(await keysIn(survivor), ['l/freed']);
    },
  },
  {
    name: 'entries name the lease that they are on',
    run: async (rig) => {
      const [store, reader] = await openTwo(rig);
      const [first, second] = [await store.lease(ttl), await store.lease(ttl)];
      const watch = reader.watch('l/');
      const told = new Map<string, string | undefined>();
      const follow = (async () => {
        for await (const event of watch) {
          const entries =
            event.type === 'snapshot'
              ? event.entries
              : event.changes.flatMap((change) => (change.op === 'put' ? [change.entry] : []));
          for (const { key, value, lease } of entries) told.set(`${key}=${value}`, lease);
        }
      })();
      await write(store, put('l/a', '1', { lease: first }), put('l/plain', '1'));
      await write(store, put('l/a', '2', { lease: second }));
      assert.equal((await reader.get('l/a'))?.lease, second.id);
      assert.deepEqual(
        (await reader.list('l/')).map(({ key, lease }) => [key, lease]),
        [
          ['l/a', second.id],
          ['l/plain', undefined],
        ],
      );
      await eventually('the watch has told all', () => told.has('l/a=2') && told.has('l/plain=1'));
      assert.equal(told.get('l/a=2'), second.id);
      assert.equal(told.get('l/plain=1'), undefined);
      await write(store, put('l/a', '3'));
      assert.equal((await reader.get('l/a'))?.lease, undefined);
      await watch.return?.();
      await follow;
    },
  },
  {
    name: 'a lease that a process has left is taken up again with its ticket, and kept',
    run: async (rig) => {
      const store = await rig.open();
      const left = await store.lease(ttl);
      await write(store, put('l/a', '1', { lease: left }));
      const survivor = await afterDeathOf(store, rig);
      const lease = await survivor.lease(ttl, left.ticket);
      assert.deepEqual([lease.id, lease.ticket], [left.id, left.ticket]);
      await write(survivor, put('l/b', '1', { lease }));
      await pause((ttl + grace) * 1000);
      assert.equal(lease.lost.aborted, false);
      assert.deepEqual(await keysIn(survivor), ['l/a', 'l/b']);
      // And once more: a ticket is good for as long as the lease lives.
      const third = await afterDeathOf(survivor, rig);
      const again = await third.lease(ttl, lease.ticket);
      assert.equal(again.id, left.id);
      await again.revoke();
      assert.deepEqual(await keysIn(third), []);
    },
  },
  {
    name: 'where a lease has ended, has another TTL or never was, its ticket gives a new one',
    run: async (rig) => {
      const store = await rig.open();
      const ended = await store.lease(ttl);
      await ended.revoke();
      const left = await store.lease(ttl);
      const survivor = await afterDeathOf(store, rig);
      const leases = [
        await survivor.lease(ttl, ended.ticket),
        await survivor.lease(ttl + 1, left.ticket),
        await survivor.lease(ttl, 'nonsense'),
        await survivor.lease(ttl, `${ttl} nonsense`),
      ];
      const ids = [ended, left, ...leases].map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, 'each is another one');
      assert.deepEqual(
        leases.map(({ ttlSeconds }) => ttlSeconds),
        [ttl, ttl + 1, ttl, ttl],
      );
      await write(survivor, ...leases.map((lease, n) => put(`l/${n}`, '1', { lease })));
      for (const lease of leases) await lease.revoke();
      assert.deepEqual(await keysIn(survivor), []);
    },
  },
  {
    name: 'revoke resolves after close, too',
    run: async (rig) => {
      const store = await rig.open();
      const lease = await store.lease(ttl);
      await store.close();
      await lease.revoke();
    },
  },
];

/** `close` leaves leases to their TTL, as the end of the process does. */
async function afterDeathOf(store: Store, rig: StoreRig): Promise<Store> {
  await store.close();
  return rig.open();
}

async function keysIn(store: Store): Promise<string[]> {
  return (await store.list('l/')).map((entry) => entry.key);
}
