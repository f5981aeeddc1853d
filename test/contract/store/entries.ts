import assert from 'node:assert/strict';
import {
  encodeKeyPart,
  maxCommitSize,
  maxValueSize,
  type Store,
  type Write,
} from '../../../kvstore/store.ts';
import { Follower } from './follower.ts';
import { eventually, openTwo, pairs, put, rejects, remove, type StoreCase, versionOf, write } from './rig.ts';

const manyKeys = 20_000;
/** Milliseconds for listing all of them, on a busy machine. */
const manyKeysLimit = 5000;

export const entryCases: readonly StoreCase[] = [
  {
    name: 'get has key, value and version; an absent key is undefined',
    run: async (rig) => {
      const store = await rig.open();
      assert.equal(await store.get('a/b'), undefined);
      const versions = await write(store, put('a/b', 'one'));
      const version = versions.get('a/b');
      assert.equal(typeof version, 'string');
      assert.deepEqual(await store.get('a/b'), { key: 'a/b', value: 'one', version });
      assert.equal(await store.get('a/bc'), undefined);
    },
  },
  {
    name: 'values come back byte for byte: empty, line breaks, NUL, any Unicode, 64 KiB',
    run: async (rig) => {
      const store = await rig.open();
      const values = ['', '\n', 'a\nb\n', '\0', 'ß€😀', '{"a":1}', 'x'.repeat(maxValueSize)];
      for (const [index, value] of values.entries()) await write(store, put(`values/${index}`, value));
      const entries = await store.list('values/');
      assert.deepEqual(
        entries.map((entry) => entry.value),
        values,
      );
      assert.equal((await store.get('values/6'))?.value, values[6]);
    },
  },
  {
    name: 'list has every depth below the folder, nothing beside it, sorted by key',
    run: async (rig) => {
      const store = await rig.open();
      const inside = [
        'f/A',
        'f/Z/z',
        'f/a-b',
        'f/a.b/c',
        'f/a/b/c/d',
        'f/a0',
        'f/a:b',
        'f/a_b',
        'f/b/1',
        'f/b/10',
        'f/b/2',
      ];
      const outside = ['f-/x', 'f0', 'e/f/x', 'ff/x', 'F/x'];
      const keys = [...outside, ...inside].sort(() => Math.random() - 0.5);
      await write(store, ...keys.map((key) => put(key, `value of ${key}`)));
      assert.deepEqual(
        pairs(await store.list('f/')),
        inside.map((key) => [key, `value of ${key}`]),
      );
      assert.deepEqual(pairs(await store.list('f/a/b/')), [['f/a/b/c/d', 'value of f/a/b/c/d']]);
      assert.deepEqual(await store.list('nothing/'), []);
    },
  },
  {
    name: 'list gives the versions that get gives',
    run: async (rig) => {
      const store = await rig.open();
      await write(store, put('v/1', 'a'), put('v/2', 'b'));
      await write(store, put('v/1', 'c'));
      for (const entry of await store.list('v/')) assert.deepEqual(await store.get(entry.key), entry);
    },
  },
  {
    name: 'every character that encodeKeyPart leaves or makes is legal in a key',
    run: async (rig) => {
      const store = await rig.open();
      const texts = [...everyAscii(), 'ß', '€', '😀', '.', '..', '...', 'a.b', '-', 'x'.repeat(500)];
      const keys = [...new Set(texts.map((text) => `chars/${encodeKeyPart(text)}`))].sort();
      for (const key of keys) await write(store, put(key, key), put(`${key}-folder/leaf`, key));
      const listed = (await store.list('chars/')).filter(({ key }) => !key.endsWith('/leaf'));
      assert.deepEqual(
        pairs(listed),
        keys.map((key) => [key, key]),
      );
      for (const key of keys) assert.equal((await store.list(`${key}-folder/`))[0]?.value, key);
    },
  },
  {
    name: `${manyKeys} keys are listed whole, in time, and a watch on them sees what changes`,
    run: async (rig) => {
      const [store, reader] = await openTwo(rig);
      await fill(store, manyKeys);
      const start = performance.now();
      const entries = await store.list('many/');
      const took = performance.now() - start;
      assert.equal(entries.length, manyKeys);
      assert.ok(
        entries.every((entry, index) => entry.key === manyKey(index) && entry.value === `value ${index}`),
      );
      assert.ok(took < manyKeysLimit, `${took} ms`);
      const follower = new Follower(reader, 'many/');
      await eventually('the snapshot', () => follower.state.size === manyKeys, 2 * manyKeysLimit);
      await write(store, put(manyKey(7), 'changed'), remove(manyKey(8)));
      const isSeen = () => follower.state.get(manyKey(7)) === 'changed' && !follower.state.has(manyKey(8));
      await eventually('the change', isSeen, manyKeysLimit);
      assert.equal(follower.state.size, manyKeys - 1);
    },
  },
  {
    name: 'after close every method but status rejects as unavailable, and close may be repeated',
    run: async (rig) => {
      const store = await rig.open();
      await write(store, put('a/b', 'one'));
      await versionOf(store, 'a/b');
      await store.close();
      await store.close();
      await rejects('unavailable', store.get('a/b'));
      await rejects('unavailable', store.list('a/'));
      await rejects('unavailable', store.commit([], [put('a/b', 'two')]));
      await rejects('unavailable', store.lease(10));
      assert.ok(store.status().name.length > 0);
    },
  },
  {
    name: 'status says that the store is reachable, and since when',
    run: async (rig) => {
      const store = await rig.open();
      await store.list('a/');
      const { name, reachable, since } = store.status();
      assert.ok(name.length > 0);
      assert.equal(reachable, true);
      assert.ok(since > Date.now() - 600_000 && since <= Date.now());
    },
  },
];

function everyAscii(): string[] {
  return Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
}

/** Half of them in one folder, with names as long as ids are; the others in folders of a hundred. */
function manyKey(index: number): string {
  if (index < manyKeys / 2) return `many/${String(index).padStart(64, '0')}`;
  return `many/in/${String(Math.floor(index / 100)).padStart(4, '0')}/${String(index % 100).padStart(2, '0')}`;
}

/** Full commits, eight at a time. */
async function fill(store: Store, count: number): Promise<void> {
  const writes: Write[] = Array.from({ length: count }, (_, index) => put(manyKey(index), `value ${index}`));
  const worker = async () => {
    while (writes.length > 0) await write(store, ...writes.splice(0, maxCommitSize));
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}
