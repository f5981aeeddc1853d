import assert from 'node:assert/strict';
import { Follower } from './follower.ts';
import { eventually, openTwo, pairs, put, remove, type StoreCase, soon, write } from './rig.ts';

export const watchCases: readonly StoreCase[] = [
  {
    name: 'a watch begins with a snapshot, sorted, also of an empty folder',
    run: async (rig) => {
      const store = await rig.open();
      await write(store, put('w/b', '2'), put('w/a/x', '1'), put('other/c', '3'));
      const watch = store.watch('w/');
      const { value: event } = await soon('the snapshot', watch.next());
      assert.equal(event.type, 'snapshot');
      assert.deepEqual(pairs(event.entries), [
        ['w/a/x', '1'],
        ['w/b', '2'],
      ]);
      assert.deepEqual(event.entries, await store.list('w/'), 'versions included');
      await watch.return?.();
      const empty = store.watch('nothing/');
      assert.deepEqual(await soon('the snapshot', empty.next()), {
        done: false,
        value: { type: 'snapshot', entries: [] },
      });
      await empty.return?.();
    },
  },
  {
    name: 'then come changes with their versions, puts and deletes, and nothing of other folders',
    run: async (rig) => {
      const [writer, reader] = await openTwo(rig);
      const follower = new Follower(reader, 'w/');
      await follower.sees({});
      await write(writer, put('w/a', '1'), put('w0', 'no'), put('v/a', 'no'), put('w-/a', 'no'));
      await follower.sees({ 'w/a': '1' });
      await write(writer, put('w/a', '2'), put('w/b/c', '1'));
      await follower.sees({ 'w/a': '2', 'w/b/c': '1' });
      const versions = await write(writer, put('w/a', '3'), remove('w/b/c'));
      await follower.sees({ 'w/a': '3' });
      const last = follower.events.at(-1);
      const entries =
        last?.type === 'changes' ? last.changes.flatMap((c) => (c.op === 'put' ? [c.entry] : [])) : [];
      assert.deepEqual(entries, [{ key: 'w/a', value: '3', version: versions.get('w/a') }]);
      assert.equal(follower.events.filter((event) => event.type === 'snapshot').length, 1);
    },
  },
  {
    name: 'changes come in commit order',
    run: async (rig) => {
      const [writer, reader] = await openTwo(rig);
      const follower = new Follower(reader, 'w/');
      await follower.sees({});
      for (let round = 1; round <= 90; round++) await write(writer, put(`w/${round % 3}`, String(round)));
      await follower.sees({ 'w/0': '90', 'w/1': '88', 'w/2': '89' });
      // Once round n is seen, so is every round before it: the three values are within the last three rounds.
      for (const state of follower.history) {
        const rounds = [...state.values()].map(Number).sort((a, b) => a - b);
        const newest = rounds.at(-1) ?? 0;
        const expected = [newest - 2, newest - 1, newest].filter((round) => round > 0);
        assert.deepEqual(rounds, expected);
      }
    },
  },
  {
    name: 'nothing is lost between snapshot and changes, whenever the watch begins',
    run: async (rig) => {
      const [writer, reader] = await openTwo(rig);
      const followers: Follower[] = [];
      const expected: Record<string, string> = {};
      for (let round = 0; round < 120; round++) {
        const key = `w/${round % 40}`;
        const writing = write(writer, round % 7 === 6 ? remove(key) : put(key, String(round)));
        if (round % 7 === 6) delete expected[key];
        else expected[key] = String(round);
        if (round % 10 === 5) followers.push(new Follower(reader, 'w/'));
        await writing;
      }
      for (const follower of followers) await follower.sees(expected);
    },
  },
  {
    name: 'commits of many at once reach a watcher all',
    run: async (rig) => {
      const [writer, reader] = await openTwo(rig);
      const follower = new Follower(reader, 'w/');
      const keys = Array.from({ length: 200 }, (_, index) => `w/${index}`);
      await Promise.all(keys.map((key) => write(writer, put(key, key))));
      await follower.sees(Object.fromEntries(keys.map((key) => [key, key])));
      await Promise.all(keys.map((key) => write(writer, remove(key))));
      await follower.sees({});
    },
  },
  {
    name: 'several watchers, of one folder and of nested ones, see each its own all',
    run: async (rig) => {
      const [writer, reader] = await openTwo(rig);
      const outer = [new Follower(reader, 'w/'), new Follower(writer, 'w/')];
      const inner = new Follower(reader, 'w/in/');
      await write(writer, put('w/a', '1'), put('w/in/b', '1'));
      for (const follower of outer) await follower.sees({ 'w/a': '1', 'w/in/b': '1' });
      await inner.sees({ 'w/in/b': '1' });
      await outer[0]?.watch.return?.();
      await write(writer, put('w/in/b', '2'));
      await outer[1]?.sees({ 'w/a': '1', 'w/in/b': '2' });
      await inner.sees({ 'w/in/b': '2' });
      assert.equal(outer[0]?.state.get('w/in/b'), '1', 'an ended watch sees no more');
    },
  },
  {
    name: 'a watcher that does not read for long misses nothing',
    run: async (rig) => {
      const [writer, reader] = await openTwo(rig);
      const watch = reader.watch('w/');
      await soon('the snapshot', watch.next());
      const worker = async (name: number) => {
        for (let round = 1; round <= 300; round++) await write(writer, put(`w/${name}`, String(round)));
      };
      await Promise.all(Array.from({ length: 8 }, (_, name) => worker(name)));
      const state = new Map<string, string>();
      await eventually(
        'the last state',
        async () => {
          const { value: event } = await watch.next();
          if (event.type === 'snapshot') state.clear();
          const entries = event.type === 'snapshot' ? event.entries : [];
          for (const entry of entries) state.set(entry.key, entry.value);
          for (const change of event.type === 'changes' ? event.changes : []) {
            if (change.op === 'put') state.set(change.entry.key, change.entry.value);
          }
          return state.size === 8 && [...state.values()].every((value) => value === '300');
        },
        20_000,
      );
      await watch.return?.();
    },
  },
  {
    name: 'return ends a watch that waits, and break ends a loop',
    run: async (rig) => {
      const store = await rig.open();
      const watch = store.watch('w/');
      await soon('the snapshot', watch.next());
      const waiting = watch.next();
      assert.equal((await soon('return', watch.return?.() ?? waiting)).done, true);
      assert.equal((await soon('the waiting next', waiting)).done, true);
      assert.equal((await soon('next', watch.next())).done, true);
      for await (const event of store.watch('w/')) {
        assert.equal(event.type, 'snapshot');
        break;
      }
      await write(store, put('w/a', '1'));
    },
  },
  {
    name: 'close ends every watch',
    run: async (rig) => {
      const store = await rig.open();
      const followers = [new Follower(store, 'w/'), new Follower(store, 'v/')];
      await followers[0]?.sees({});
      await store.close();
      for (const follower of followers) await follower.hasEnded();
    },
  },
];
