import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { openStore } from '../../kvstore/open.ts';
import { type Store, StoreRefusal } from '../../kvstore/store.ts';
import { startEtcd } from '../rig/etcd.ts';
import { type RefuserKind, refuserKinds } from '../rig/refusers.ts';
import { Follower } from './store/follower.ts';
import { eventually, put, remove, write } from './store/rig.ts';

describe.concurrent('a server that answers and refuses writes', () => {
  it.each(refuserKinds)(
    '$name: is told from one that is away, until it takes them again',
    async (kind) => {
      await using server = await kind.start();
      const store = await openStore(server.url, server.options);
      const follower = new Follower(store, 's/');
      await write(store, put('s/a', '1'));
      await follower.sees({ 's/a': '1' });
      await server.refuse();

      await refusesToPut(store, kind);
      // Also a check is refused as what it is, and not as a conflict.
      const checked = store.commit([{ key: 's/c', expect: 'absent' }], [put('s/c', '1')]);
      await assert.rejects(checked, isRefusal(kind));
      const state = store.status();
      assert.match(state.degraded ?? '', kind.text);
      assert.deepEqual([state.reachable, state.refusal], [true, kind.reason]);

      // Reads and deletions say nothing of writes.
      assert.deepEqual(await store.get('s/b'), undefined);
      assert.equal((await store.list('s/')).length, 1);
      await store.commit([], [remove('s/z')]).catch(() => {});
      assert.deepEqual(store.status(), state);

      await server.allow();
      const isTaken = () =>
        store.commit([], [put('s/b', '2')]).then(
          () => true,
          () => false,
        );
      await eventually('writes are taken', isTaken, 10_000);
      assert.deepEqual([store.status().degraded, store.status().refusal], [undefined, undefined]);
      await follower.sees({ 's/a': '1', 's/b': '2' });
      await store.close();
    },
    60_000,
  );

  it('one that is away is no refusal', async () => {
    await using etcd = await startEtcd();
    const store = await openStore(etcd.url, {});
    await write(store, put('s/a', '1'));
    await etcd.server.stop();
    const failure = await store.commit([], [put('s/b', '1')]).catch((error: unknown) => error);
    assert.ok(failure instanceof Error && !(failure instanceof StoreRefusal), String(failure));
    assert.deepEqual([store.status().reachable, store.status().refusal], [false, undefined]);
    await store.close();
  }, 60_000);
});

async function refusesToPut(store: Store, kind: RefuserKind): Promise<void> {
  await eventually('a put is refused', () =>
    store.commit([], [put('s/a', '1')]).then(
      () => false,
      () => true,
    ),
  );
  await assert.rejects(store.commit([], [put('s/b', '1')]), isRefusal(kind));
}

function isRefusal({ reason, text }: RefuserKind) {
  return (error: unknown) => {
    assert.ok(error instanceof StoreRefusal, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, /^kv store \S+ refuses writes since \d{4}-\S+Z: /);
    assert.match(error.message, text);
    // It is certain.
    assert.doesNotMatch(error.message, /may have been made|\n/);
    return true;
  };
}
