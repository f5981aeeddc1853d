import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { openEmbeddedStore } from '../../kvstore/local/embedded.ts';
import type { Store } from '../../kvstore/store.ts';
import { buildScript } from '../rig/script.ts';
import { Follower } from './store/follower.ts';
import { eventually, pause, put, rejects, valueAt, write } from './store/rig.ts';
import { describeStore } from './store.ts';

describeStore('embedded', async () => {
  const directory = await temporaryDirectory();
  const opened: Store[] = [];
  return {
    shared: false,
    open: async () => {
      const store = await openEmbeddedStore(directory.path);
      opened.push(store);
      return store;
    },
    [Symbol.asyncDispose]: async () => {
      for (const store of opened) await store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
});

let writerScript = '';
beforeAll(async () => {
  writerScript = await buildScript(fileURLToPath(new URL('store/writer.ts', import.meta.url)));
});

describe.concurrent('embedded store', () => {
  it('has everything after it is opened again, and gives no version twice', async () => {
    await using directory = await temporaryDirectory();
    const first = await openEmbeddedStore(directory.path);
    await write(first, put('a/b', 'one'), put('a/c', 'two'));
    const gone = (await write(first, put('a/d', 'three'))).get('a/d');
    await first.commit([], [{ op: 'delete', key: 'a/d' }]);
    const before = await first.list('a/');
    await first.close();
    const second = await openEmbeddedStore(directory.path);
    assert.deepEqual(await second.list('a/'), before);
    const versions = await write(second, put('a/d', 'three'));
    assert.ok(![gone, ...before.map((entry) => entry.version)].includes(versions.get('a/d')));
    await second.close();
  });

  it('keeps every acknowledged commit through kill -9, and none by half', async () => {
    await using directory = await temporaryDirectory();
    for (let round = 0; round < 5; round++) {
      const acknowledged = await killWhileWriting(directory.path, round);
      const store = await openEmbeddedStore(directory.path);
      const entries = await store.list(`round-${round}/`);
      assert.ok(
        entries.length >= acknowledged * 3,
        `${acknowledged} acknowledged, ${entries.length / 3} there`,
      );
      assert.equal(entries.length % 3, 0, 'commits are of three keys');
      await store.close();
    }
  }, 60_000);

  it('gives the leases of a killed process their TTL anew, and ends them then', async () => {
    await using directory = await temporaryDirectory();
    await killWhileWriting(directory.path, 0, 2);
    const store = await openEmbeddedStore(directory.path);
    const follower = new Follower(store, 'leased/');
    await follower.sees({ 'leased/kept': '1', 'leased/left': '1' });
    const own = await store.lease(60);
    await write(store, put('leased/kept', '2', { lease: own }));
    await pause(1000);
    assert.equal(await valueAt(store, 'leased/left'), '1');
    await follower.sees({ 'leased/kept': '2' });
    await store.close();
  }, 20_000);

  it('refuses a second process, naming the one that holds it', async () => {
    await using directory = await temporaryDirectory();
    await using child = startWriter(directory.path, 0, 60);
    await child.acknowledged(1);
    await assert.rejects(openEmbeddedStore(directory.path), {
      kind: 'conflict',
      message: `data root ${directory.path} is in use by process ${child.pid}`,
    });
    await child.kill();
    const store = await openEmbeddedStore(directory.path);
    await rejects('conflict', openEmbeddedStore(directory.path));
    await store.close();
    assert.deepEqual((await readdir(directory.path)).sort(), ['state.journal', 'state.kept']);
  }, 20_000);

  it('lets one process in of several that start at once after a holder was killed', async () => {
    await using directory = await temporaryDirectory();
    await killWhileWriting(directory.path, 0);
    const children = Array.from({ length: 4 }, () => startWriter(directory.path, 1, 60));
    await eventually(
      'three gave up',
      () => children.filter((child) => child.hasExited()).length === 3,
      15_000,
    );
    const [holder, ...others] = children.filter((child) => !child.hasExited());
    assert.equal(others.length, 0);
    await holder?.acknowledged(1);
    for (const child of children) await child.kill();
  }, 30_000);

  it('says in one line what is wrong with a data root', async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'file');
    await writeFile(file, '');
    await rejects('invalid', openEmbeddedStore(file));
    await rejects('invalid', openEmbeddedStore(join(file, 'below')));
    await rejects('invalid', openEmbeddedStore('/sys/fairlead'));
    await rejects('invalid', openEmbeddedStore(join(directory.path, 'x'.repeat(120))));
    const damaged = join(directory.path, 'damaged');
    await (await openEmbeddedStore(damaged)).close();
    await writeFile(join(damaged, 'state.journal'), 'no database '.repeat(4096));
    await rejects('invalid', openEmbeddedStore(damaged));
  });

  it('refuses commits on a full disk, whole, and goes on when there is room again', async () => {
    await using disk = await smallDisk();
    const store = await openEmbeddedStore(disk.path);
    const filler = 'x'.repeat(60_000);
    let count = 0;
    await assert.rejects(
      async () => {
        for (; count < 1000; count++)
          await write(store, put(`a/${count}`, filler), put(`b/${count}`, filler));
      },
      {
        kind: 'unavailable',
        message: `cannot write ${disk.path}/state.journal: no space left on the device`,
      },
    );
    assert.equal(await store.get(`a/${count}`), undefined);
    assert.equal(await store.get(`b/${count}`), undefined);
    assert.equal((await store.list('a/')).length, count);
    for (let index = 0; index < 10; index++) await store.commit([], [{ op: 'delete', key: `a/${index}` }]);
    await write(store, put('a/again', 'small'));
    assert.equal(await valueAt(store, 'a/again'), 'small');
    await store.close();
  }, 20_000);
});

describe('on a disk that others have filled', () => {
  it('deletes whatever there is, says that it is degraded, and is well by itself when there is room', async () => {
    await using disk = await smallDisk();
    const keys = Array.from({ length: 2500 }, (_, n) => `services/n/s${n}`);
    const first = await openEmbeddedStore(disk.path);
    await Promise.all(keys.map((key) => write(first, put(key, 'x'.repeat(500)))));
    await first.close();
    const filler = join(disk.path, 'filler');
    // Until nothing more goes in.
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']);
    const store = await openEmbeddedStore(disk.path);
    expect(store.status()).toMatchObject({ reachable: true, degraded: 'no space' });
    await fillUp(store);
    // What asks for too much takes nothing else along that came with it.
    const [refused, ...deletions] = await Promise.allSettled([
      write(store, put('more/big', 'x'.repeat(60_000))),
      ...keys.map((key) => store.commit([], [{ op: 'delete', key }])),
    ]);
    expect(refused).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable' } });
    expect(deletions.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(await store.list('services/')).toEqual([]);
    await rm(filler);
    await eventually('it is well', () => store.status().degraded === undefined, 10_000);
    await write(store, put('more/big', 'x'.repeat(60_000)));
    await store.close();
    const again = await openEmbeddedStore(disk.path);
    expect([await again.list('services/'), (await again.get('more/big'))?.value.length]).toEqual([
      [],
      60_000,
    ]);
    await again.close();
  }, 30_000);
});

/** Puts ever smaller values until none is taken. */
async function fillUp(store: Store): Promise<void> {
  for (const size of [60_000, 5000, 500])
    for (let n = 0; ; n += 1) {
      const taken = await write(store, put(`filling/${size}-${n}`, 'x'.repeat(size))).catch(() => undefined);
      if (!taken) break;
    }
}

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'flt-store-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A file system of 8 MiB of its own. */
async function smallDisk() {
  const directory = await temporaryDirectory();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', directory.path]);
  assert.equal(mounted.status, 0, String(mounted.stderr));
  return {
    path: directory.path,
    [Symbol.asyncDispose]: async () => {
      spawnSync('umount', [directory.path]);
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** Kills a writer in the middle of its loop. Returns how many commits it had reported done. */
async function killWhileWriting(directory: string, round: number, ttl = 60): Promise<number> {
  await using child = startWriter(directory, round, ttl);
  const least = 20 + Math.floor(Math.random() * 80);
  await child.acknowledged(least);
  await child.kill();
  return child.count();
}

function startWriter(directory: string, round: number, ttl: number) {
  const args = [writerScript, directory, String(round), String(ttl)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let lines = 0;
  createInterface(child.stdout).on('line', () => {
    lines += 1;
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return {
    pid: child.pid,
    hasExited: () => child.exitCode !== null,
    count: () => lines,
    acknowledged: (least: number) => eventually(`${least} commits`, () => lines >= least, 10_000),
    kill,
    [Symbol.asyncDispose]: kill,
  };
}
