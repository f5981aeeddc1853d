import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesBetween, versionsIn, versionsOfCommit } from '../../../kvstore/remote/changes.ts';
import { ServerList } from '../../../kvstore/remote/server-list.ts';
import type { Entry } from '../../../kvstore/store.ts';

/** Of one key at most one; versions are numbers, and those of one state are all different. */
const state = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...'abcdefgh'), fc.integer({ min: 1, max: 20 })), {
    selector: ([key]) => key,
  })
  .map((pairs) =>
    pairs.map(([key, version]): Entry => ({ key, value: `${key}${version}`, version: `${version}` })),
  );

describe('changes between two lists', () => {
  it('make the second of the first, in the order of versions, and are none between equal ones', () => {
    fc.assert(
      fc.property(state, state, (before, after) => {
        const changes = changesBetween(versionsIn(before), after);
        const made = new Map(before.map((entry) => [entry.key, entry]));
        for (const change of changes)
          change.op === 'put' ? made.set(change.entry.key, change.entry) : made.delete(change.key);
        expect(versionsIn(made.values())).toEqual(versionsIn(after));
        const order = changes.flatMap((change) =>
          change.op === 'put' ? [Number(change.entry.version)] : [],
        );
        expect(order).toEqual(order.toSorted((a, b) => a - b));
        expect(changesBetween(versionsIn(after), after)).toEqual([]);
      }),
    );
  });

  it('compare versions beyond 2^53 (mzxid)', () => {
    const entry = (key: string, version: string): Entry => ({ key, value: '', version });
    const after = [entry('a', '9007199254740993'), entry('b', '9007199254740992')];
    const keys = changesBetween(new Map(), after).map((change) => change.op === 'put' && change.entry.key);
    expect(keys).toEqual(['b', 'a']);
  });

  it('of a commit are what it puts', () => {
    const put = { op: 'put', key: 'a', value: 'x' } as const;
    expect(versionsOfCommit([put, { op: 'delete', key: 'b' }], '7')).toEqual(new Map([['a', '7']]));
  });
});

describe('servers of a store', () => {
  const asked: string[] = [];
  const failing =
    (...names: readonly string[]) =>
    async (server: string) => {
      asked.push(server);
      if (names.includes(server)) throw new Error(`${server} fails`);
      return server;
    };
  const take = () => asked.splice(0).join('');

  it('are asked in turn, and the one that answered is asked first from then on', async () => {
    const list = new ServerList(['a', 'b', 'c']);
    expect(await list.ask(failing('a', 'b'), () => true)).toBe('c');
    expect(take()).toBe('abc');
    expect(await list.ask(failing(), () => true)).toBe('c');
    expect(take()).toBe('c');
  });

  it('fail with what the last one said', async () => {
    const list = new ServerList(['a', 'b']);
    await expect(list.ask(failing('a', 'b'), () => true)).rejects.toThrow('b fails');
    expect(take()).toBe('ab');
  });

  it('are not asked twice for what one may have done, and the next request goes to the next', async () => {
    const list = new ServerList(['a', 'b']);
    await expect(list.ask(failing('a'), () => false)).rejects.toThrow('a fails');
    expect(take()).toBe('a');
    expect(await list.ask(failing('a'), () => false)).toBe('b');
    expect(take()).toBe('b');
  });

  it('that fail for two callers at once are put off once', async () => {
    const list = new ServerList(['a', 'b', 'c']);
    await Promise.all([list.ask(failing('a'), () => true), list.ask(failing('a'), () => true)]);
    expect(take()).toBe('aabb');
  });
});
