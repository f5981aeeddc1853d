import assert from 'node:assert/strict';
import type { CommitResult, Store } from '../../../kvstore/store.ts';
import { Follower } from './follower.ts';
import { failed, openTwo, pause, put, remove, type StoreCase, valueAt, versionOf, write } from './rig.ts';

export const commitCases: readonly StoreCase[] = [
  {
    name: 'expect absent: the first creates, the second changes nothing',
    run: async (rig) => {
      const store = await rig.open();
      assert.equal((await create(store, 'c/name', 'first')).ok, true);
      assert.deepEqual(await create(store, 'c/name', 'second'), { ok: false, failed: 'c/name' });
      assert.equal(await valueAt(store, 'c/name'), 'first');
    },
  },
  {
    name: 'expect version: holds for the version of get, not for an older one nor for an absent key',
    run: async (rig) => {
      const store = await rig.open();
      await write(store, put('c/a', '1'));
      const old = await versionOf(store, 'c/a');
      assert.equal((await replace(store, 'c/a', old, '2')).ok, true);
      assert.equal(failed(await replace(store, 'c/a', old, '3')), 'c/a');
      assert.equal(await valueAt(store, 'c/a'), '2');
      const current = await versionOf(store, 'c/a');
      assert.equal(failed(await replace(store, 'c/none', current, 'x')), 'c/none');
      const result = await store.commit(
        [{ key: 'c/a', expect: 'version', version: current }],
        [remove('c/a')],
      );
      assert.equal(result.ok, true);
      assert.equal(await store.get('c/a'), undefined);
      assert.equal(failed(await replace(store, 'c/a', current, 'x')), 'c/a');
    },
  },
  {
    name: 'one failed check: no write is done, and failed names its key',
    run: async (rig) => {
      const store = await rig.open();
      await write(store, put('c/there', '1'), put('c/other', '1'));
      const result = await store.commit(
        [
          { key: 'c/other', expect: 'version', version: await versionOf(store, 'c/other') },
          { key: 'c/new', expect: 'absent' },
          { key: 'c/there', expect: 'absent' },
        ],
        [put('c/new', '2'), put('c/other', '2'), remove('c/there')],
      );
      assert.deepEqual(result, { ok: false, failed: 'c/there' });
      assert.equal(await store.get('c/new'), undefined);
      assert.equal(await valueAt(store, 'c/other'), '1');
      assert.equal(await valueAt(store, 'c/there'), '1');
    },
  },
  {
    name: 'a commit may only check, or only write, or do neither; deleting an absent key is no error',
    run: async (rig) => {
      const store = await rig.open();
      await write(store, put('c/a', '1'));
      assert.deepEqual(await store.commit([], []), { ok: true, versions: new Map() });
      assert.deepEqual(await store.commit([{ key: 'c/b', expect: 'absent' }], []), {
        ok: true,
        versions: new Map(),
      });
      assert.equal(failed(await store.commit([{ key: 'c/a', expect: 'absent' }], [])), 'c/a');
      assert.deepEqual(await store.commit([], [remove('c/none'), put('c/a', '2')]), {
        ok: true,
        versions: new Map([['c/a', await versionOf(store, 'c/a')]]),
      });
      assert.deepEqual(await store.commit([], [remove('c/none'), remove('c/a')]), {
        ok: true,
        versions: new Map(),
      });
      assert.deepEqual(await store.list('c/'), []);
    },
  },
  {
    name: 'a version changes with every put, also of the same value, and is never used again',
    run: async (rig) => {
      const store = await rig.open();
      const seen = new Set<string>();
      for (const value of ['same', 'same', 'other', 'same']) {
        const version = (await write(store, put('c/a', value))).get('c/a');
        assert.equal(version, await versionOf(store, 'c/a'));
        seen.add(version ?? '');
        await write(store, put('c/other', value));
        assert.equal(await versionOf(store, 'c/a'), version, 'another key leaves it alone');
      }
      for (let round = 0; round < 3; round++) {
        await write(store, remove('c/a'));
        seen.add((await write(store, put('c/a', 'same'))).get('c/a') ?? '');
      }
      assert.equal(seen.size, 7);
      for (const version of [...seen].slice(0, -1)) {
        assert.equal(failed(await replace(store, 'c/a', version, 'x')), 'c/a', 'a version of before');
      }
    },
  },
  {
    name: 'of 50 that create one key at once exactly one wins',
    run: async (rig) => {
      const stores = await openTwo(rig);
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, index) => create(pick(stores, index), 'c/name', `owner ${index}`)),
      );
      const winners = results.flatMap((result, index) => (result.ok ? [`owner ${index}`] : []));
      assert.equal(winners.length, 1);
      assert.equal(await valueAt(stores[0], 'c/name'), winners[0]);
      assert.ok(results.every((result) => result.ok || result.failed === 'c/name'));
    },
  },
  {
    name: '50 parallel increments by check-and-set lose none',
    run: async (rig) => {
      const stores = await openTwo(rig);
      await write(stores[0], put('c/count', '0'));
      await Promise.all(Array.from({ length: 50 }, (_, index) => increment(pick(stores, index))));
      assert.equal(await valueAt(stores[0], 'c/count'), '50');
    },
  },
  {
    name: 'neither a reader nor a watcher sees part of a commit',
    run: async (rig) => {
      const [writer, reader] = await openTwo(rig);
      const follower = new Follower(reader, 'c/');
      const names = ['c/a', 'c/m/n', 'c/z'];
      let writing = true;
      const read = async () => {
        while (writing) {
          const entries = await reader.list('c/');
          assertWhole(
            entries.map((entry) => entry.value),
            names.length,
          );
          // A store in this process may answer without ever giving the event loop back.
          await pause(0);
        }
      };
      const writeAll = async () => {
        for (let round = 0; round < 60; round++) {
          await write(
            writer,
            ...names.map((key) => (round % 5 === 4 ? remove(key) : put(key, String(round)))),
          );
        }
        writing = false;
      };
      await Promise.all([read(), writeAll()]);
      await write(writer, ...names.map((key) => put(key, 'end')));
      await follower.sees(Object.fromEntries(names.map((key) => [key, 'end'])));
      for (const state of follower.history) assertWhole([...state.values()], names.length);
    },
  },
];

/** All of them with one value, or none. */
function assertWhole(values: readonly string[], count: number): void {
  assert.ok(values.length === 0 || values.length === count, `${values.length} of ${count} keys`);
  assert.ok(new Set(values).size <= 1, `mixed: ${values}`);
}

function pick(stores: readonly [Store, Store], index: number): Store {
  return index % 2 === 0 ? stores[0] : stores[1];
}

function create(store: Store, key: string, value: string): Promise<CommitResult> {
  return store.commit([{ key, expect: 'absent' }], [put(key, value)]);
}

function replace(store: Store, key: string, version: string, value: string): Promise<CommitResult> {
  return store.commit([{ key, expect: 'version', version }], [put(key, value)]);
}

async function increment(store: Store): Promise<void> {
  for (;;) {
    const entry = await store.get('c/count');
    assert.ok(entry);
    const result = await replace(store, entry.key, entry.version, String(Number(entry.value) + 1));
    if (result.ok) return;
  }
}
