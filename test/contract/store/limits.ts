import assert from 'node:assert/strict';
import {
  type Check,
  maxCommitBytes,
  maxCommitSize,
  maxValueSize,
  type Write,
} from '../../../kvstore/store.ts';
import { failed, put, rejects, remove, type StoreCase, write } from './rig.ts';

export const limitCases: readonly StoreCase[] = [
  {
    name: 'a value over 64 KiB is refused, counted in bytes, and nothing of the commit is done',
    run: async (rig) => {
      const store = await rig.open();
      const tooLong = ['x'.repeat(maxValueSize + 1), '€'.repeat(maxValueSize / 2)];
      for (const value of tooLong) {
        await rejects('invalid', store.commit([], [put('limits/a', 'small'), put('limits/b', value)]));
      }
      assert.deepEqual(await store.list('limits/'), []);
    },
  },
  {
    name: 'checks and writes together may be maxCommitSize, and one more is refused',
    run: async (rig) => {
      const store = await rig.open();
      const half = maxCommitSize / 2;
      const checks: Check[] = keys(half).map((key) => ({ key, expect: 'absent' }));
      const writes: Write[] = keys(half).map((key) => put(key, 'x'));
      await rejects('invalid', store.commit(checks, [...writes, put('limits/more', 'x')]));
      await rejects('invalid', store.commit([], keys(maxCommitSize + 1).map(remove)));
      assert.deepEqual(await store.list('limits/'), []);
      assert.equal((await store.commit(checks, writes)).ok, true);
      await write(store, ...keys(maxCommitSize).map((key) => put(key, 'y')));
      assert.equal((await store.list('limits/')).length, maxCommitSize);
    },
  },
  {
    name: 'the values of a commit may be maxCommitBytes together, and no more',
    run: async (rig) => {
      const store = await rig.open();
      const count = maxCommitBytes / maxValueSize;
      const values = keys(count).map((key) => put(key, 'x'.repeat(maxValueSize)));
      await rejects('invalid', store.commit([], [...values, put('limits/more', 'x')]));
      assert.deepEqual(await store.list('limits/'), []);
      await write(store, ...values);
      assert.equal((await store.list('limits/')).length, count);
    },
  },
  {
    name: 'a key named twice among the checks or among the writes is refused',
    run: async (rig) => {
      const store = await rig.open();
      const absent: Check = { key: 'limits/a', expect: 'absent' };
      await rejects('invalid', store.commit([absent, absent], [put('limits/a', 'x')]));
      await rejects('invalid', store.commit([], [put('limits/a', 'x'), put('limits/a', 'y')]));
      await rejects('invalid', store.commit([], [put('limits/a', 'x'), remove('limits/a')]));
      assert.deepEqual(await store.list('limits/'), []);
      assert.equal(failed(await store.commit([absent], [put('limits/a', 'x')])), undefined);
    },
  },
  {
    name: 'what is not a key or not a folder is refused',
    run: async (rig) => {
      const store = await rig.open();
      for (const key of ['', '/', '/a', 'a/', 'a//b', 'a b', 'ä', 'a/../b', './a', 'a?b', 'a#b', 'a\0']) {
        await rejects('invalid', store.get(key));
        await rejects('invalid', store.commit([], [put(key, 'x')]));
        await rejects('invalid', store.commit([{ key, expect: 'absent' }], []));
      }
      for (const prefix of ['', '/', 'a', '/a/', 'a//', 'a b/']) {
        await rejects('invalid', store.list(prefix));
        assert.throws(() => store.watch(prefix), /is not a (key|folder)/);
      }
    },
  },
  {
    name: 'a lease lasts whole seconds, one or more',
    run: async (rig) => {
      const store = await rig.open();
      for (const ttl of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
        await rejects('invalid', store.lease(ttl));
    },
  },
];

function keys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `limits/key-${index}`);
}
