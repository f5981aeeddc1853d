import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'vitest';
import { openStore } from '../../../kvstore/open.ts';
import type { Store } from '../../../kvstore/store.ts';
import { startProxy } from '../../rig/proxy.ts';
import type { TestServer } from '../../rig/server.ts';
import { Follower } from './follower.ts';
import { eventually, put, rejects, valueAt, write } from './rig.ts';

interface Running extends AsyncDisposable {
  readonly server: TestServer;
  readonly port: number;
}

export interface FaultyServer {
  readonly provider: string;
  start(): Promise<Running>;
}

/** Seconds. */
const ttl = 5;
/** Milliseconds within which a call says that the server is away, and a watch is back once it is. */
const soonEnough = 12_000;

/** What a store promises while its server fails; the same for every kind of server. */
export function describeFaults({ provider, start }: FaultyServer): void {
  describe.concurrent(`${provider} in trouble`, () => {
    it('killed and started again: calls reject at once, the watch goes on, nothing acknowledged is lost', async () => {
      await using running = await start();
      await using client = await openAt(provider, running.port);
      const { store } = client;
      const follower = new Follower(store, 'f/');
      await write(store, put('f/before', '1'));
      await follower.sees({ 'f/before': '1' });
      await running.server.stop();
      await isUnreachable(store);
      await running.server.start();
      await isReachable(store);
      await write(store, put('f/after', '2'));
      await follower.sees({ 'f/before': '1', 'f/after': '2' }, soonEnough);
      assert.equal(store.status().reachable, true);
    }, 90_000);

    it('frozen: calls reject within seconds, and go on when it goes on', async () => {
      await using running = await start();
      await using client = await openAt(provider, running.port);
      const { store } = client;
      await write(store, put('f/a', '1'));
      running.server.pause();
      await isUnreachable(store);
      await assert.rejects(store.commit([], [put('f/never', 'x')]), {
        message: /\(the change may have been made\)$/,
      });
      running.server.resume();
      await isReachable(store);
      assert.equal(await valueAt(store, 'f/a'), '1');
    }, 90_000);

    it('wiped: the watch says that all is gone, and the store can be used', async () => {
      await using running = await start();
      await using client = await openAt(provider, running.port);
      const { store } = client;
      const follower = new Follower(store, 'f/');
      for (let round = 0; round < 20; round++) await write(store, put('f/a', String(round)));
      await follower.sees({ 'f/a': '19' });
      await running.server.stop();
      await running.server.wipe();
      await running.server.start();
      await isReachable(store);
      await follower.sees({}, soonEnough);
      await write(store, put('f/b', '1'));
      await follower.sees({ 'f/b': '1' }, soonEnough);
    }, 90_000);

    it('cut off without a word: the lease is lost by its own deadline, before others see its keys go', async () => {
      await using running = await start();
      await using link = await startProxy(running.port);
      await using near = await openAt(provider, running.port);
      await using far = await openAt(provider, link.port, near.path);
      const lease = await far.store.lease(ttl);
      await write(far.store, put('f/leased', '1', { lease }), put('f/plain', '1'));
      const [farView, nearView] = [new Follower(far.store, 'f/'), new Follower(near.store, 'f/')];
      await farView.sees({ 'f/leased': '1', 'f/plain': '1' });
      link.freeze();
      const cut = performance.now();
      let lostAfter = 0;
      lease.lost.addEventListener('abort', () => {
        lostAfter = performance.now() - cut;
      });
      await nearView.sees({ 'f/plain': '1' }, 4 * ttl * 1000);
      assert.ok(lostAfter > 0 && lostAfter <= ttl * 1000 + 500, `lost after ${lostAfter} ms`);
      await write(near.store, put('f/meanwhile', '2'));
      await isUnreachable(far.store);
      link.heal();
      await farView.sees({ 'f/plain': '1', 'f/meanwhile': '2' }, 2 * soonEnough);
      await rejects('unavailable', far.store.commit([], [put('f/leased', '2', { lease })]));
      const anew = await far.store.lease(ttl);
      await write(far.store, put('f/leased', '2', { lease: anew }));
      await nearView.sees({ 'f/plain': '1', 'f/meanwhile': '2', 'f/leased': '2' });
    }, 120_000);

    it('cut off for less than the TTL: the lease and its keys stay', async () => {
      await using running = await start();
      await using link = await startProxy(running.port);
      await using near = await openAt(provider, running.port);
      await using far = await openAt(provider, link.port, near.path);
      const lease = await far.store.lease(3 * ttl);
      await write(far.store, put('f/leased', '1', { lease }));
      const nearView = new Follower(near.store, 'f/');
      await nearView.sees({ 'f/leased': '1' });
      link.refuse();
      await isUnreachable(far.store);
      link.heal();
      await isReachable(far.store);
      await eventuallyStill(nearView, 4 * ttl);
      assert.equal(lease.lost.aborted, false);
      await write(far.store, put('f/leased', '2', { lease }));
    }, 120_000);

    it('of several servers one that is not there is passed over, for every kind of call', async () => {
      await using running = await start();
      const url = `${provider}:127.0.0.1:1,127.0.0.1:${running.port}`;
      for (const call of ['get', 'commit', 'lease', 'watch'] as const) {
        const store = await openStore(url, {});
        if (call === 'get') assert.equal(await store.get('f/none'), undefined);
        if (call === 'commit') await write(store, put('f/a', '1'));
        if (call === 'lease') await (await store.lease(ttl)).revoke();
        if (call === 'watch') await new Follower(store, 'f/').sees({ 'f/a': '1' });
        await store.close();
      }
    }, 60_000);

    it('never there: opening does not wait, calls and status name the server and the reason', async () => {
      const store = await openStore(`${provider}:127.0.0.1:1`, {});
      const message = new RegExp(`^kv store ${provider}:127\\.0\\.0\\.1:1 is unreachable since 20.*Z: .`);
      await assert.rejects(store.get('f/a'), { kind: 'unavailable', message });
      const { name, reachable, reason } = store.status();
      assert.deepEqual({ name, reachable }, { name: `${provider}:127.0.0.1:1`, reachable: false });
      assert.match(reason ?? '', /ECONNREFUSED/);
      await store.close();
    });
  });
}

async function openAt(provider: string, port: number, path: string = randomUUID()) {
  const store = await openStore(`${provider}:127.0.0.1:${port}/${path}`, {});
  return { store, path, [Symbol.asyncDispose]: () => store.close() };
}

async function isUnreachable(store: Store): Promise<void> {
  const start = performance.now();
  await eventually('calls reject', () => failsNow(store), soonEnough);
  await rejects('unavailable', store.commit([], [put('f/never', 'x')]));
  assert.ok(performance.now() - start < soonEnough);
  assert.equal(store.status().reachable, false);
  assert.ok((store.status().reason ?? '').length > 0);
}

async function isReachable(store: Store): Promise<void> {
  await eventually('calls succeed', async () => !(await failsNow(store)), soonEnough);
  assert.equal(store.status().reachable, true);
}

async function failsNow(store: Store): Promise<boolean> {
  return store.get('f/anything').then(
    () => false,
    () => true,
  );
}

/** The key of the lease is there at every moment of so many seconds. */
async function eventuallyStill(view: Follower, seconds: number): Promise<void> {
  const end = performance.now() + seconds * 1000;
  await eventually(
    'the time is over',
    () => {
      assert.ok(view.state.has('f/leased'), 'the key has stayed');
      return performance.now() > end;
    },
    seconds * 1000 + 5000,
  );
}
