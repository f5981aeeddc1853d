import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbeddedStore, openEmbeddedStore } from '../../kvstore/local/embedded.ts';
import type { Entry } from '../../kvstore/store.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import { damages } from '../rig/damage.ts';
import { Random } from '../rig/random.ts';
import { put, write } from './store/rig.ts';

const seed = Number(process.env.FAIRLEAD_DAMAGE_SEED ?? 1);
const damageCount = 200;

let root = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'flt-damage-'));
  const stopped = await filled(join(root, 'stopped'));
  await stopped.close();
  const killed = await filled(join(root, 'killed'));
  await copyFiles(join(root, 'killed'), join(root, 'killed-copy'));
  await killed.close();
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** As kill -9 leaves them at this moment: without the lock. */
async function copyFiles(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, filter: (path) => !path.includes('/lock.') });
}

/** A store with a snapshot, a kept copy, and changes since. */
async function filled(directory: string): Promise<EmbeddedStore> {
  await (await openEmbeddedStore(directory)).close();
  const store = await openEmbeddedStore(directory);
  for (let n = 0; n < 300; n += 1) {
    await write(store, put(`services/${n % 7}/s${n}`, JSON.stringify({ n, text: 'ü'.repeat(n % 90) })));
    if (n % 5 === 0) await store.commit([], [{ op: 'delete', key: `services/${n % 7}/s${n - 35}` }]);
  }
  return store;
}

const everything = async (store: EmbeddedStore): Promise<readonly Entry[]> => await store.list('services/');

async function read(directory: string, options = {}): Promise<readonly Entry[] & object> {
  const store = await openEmbeddedStore(directory, options);
  const entries = await everything(store);
  await store.close();
  return entries;
}

/** The one line that it is refused with; undefined when it opens. */
async function refusal(directory: string): Promise<string | undefined> {
  try {
    await read(directory);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof FairleadError && error.kind === 'invalid', String(error));
    return error.message;
  }
}

describe('200 damages of the database', () => {
  const seeds = Array.from({ length: damageCount }, (_, n) => seed * 1000 + n);
  const kinds = Object.keys(damages);

  it('are said in one line each, and the kept copy has every record', async () => {
    const whole = await read(join(root, 'stopped'));
    expect(whole.length).toBeGreaterThan(200);
    let refused = 0;
    for (const one of seeds) {
      const directory = join(root, 'here');
      await cp(join(root, 'stopped'), directory, { recursive: true });
      const kind = kinds[one % kinds.length] ?? '';
      damages[kind]?.(join(directory, 'state.journal'), new Random(one));
      const line = await refusal(directory);
      const what = `seed ${one}, ${kind}: ${line}`;
      if (line !== undefined) {
        refused += 1;
        expect(line, what).toMatch(
          /^\S+\/state\.journal is damaged: [^\n]+; running containers are left alone; "fairlead daemon --restore" goes on with the copy of \S+Z$/,
        );
        expect(await read(directory, { restore: true }), what).toEqual(whole);
        const aside = (await readdir(directory)).filter((name) => name.startsWith('state.damaged-'));
        expect(aside, what).toHaveLength(kind === 'missing' ? 0 : 1);
      }
      expect(await read(directory), what).toEqual(whole);
      await rm(directory, { recursive: true });
    }
    // The others hit what holds nothing: zeros behind the last record.
    console.log(
      `${damageCount} damages: ${refused} refused and restored, ${damageCount - refused} without harm`,
    );
    expect(refused).toBeGreaterThan(damageCount / 3);
  }, 60_000);

  it('cost a store that was killed no more than what came after its copy', async () => {
    const [copied, all] = [await read(join(root, 'empty')), await read(join(root, 'killed'))];
    for (const one of seeds.slice(0, 60)) {
      const directory = join(root, 'here');
      await cp(join(root, 'killed-copy'), directory, { recursive: true });
      const kind = kinds[one % kinds.length] ?? '';
      damages[kind]?.(join(directory, 'state.journal'), new Random(one));
      const line = await refusal(directory);
      const found = await read(directory, { restore: true });
      const what = `seed ${one}, ${kind}: ${line}`;
      if (line !== undefined) expect(found, what).toEqual(copied);
      else if (kind !== 'zeroed') expect(found, what).toEqual(all);
      await rm(directory, { recursive: true });
    }
  }, 60_000);
});

describe('a state file', () => {
  it.each(['the last of it only', 'but for its first sector'])(
    'that a crash tore opens, %s',
    async (torn) => {
      const directory = join(root, 'here');
      await cp(join(root, 'killed-copy'), directory, { recursive: true });
      const path = join(directory, 'state.journal');
      const store = await openEmbeddedStore(directory);
      const before = await readFile(path);
      await write(store, put('services/0/last', 'x'.repeat(3000)));
      const after = await readFile(path);
      const all = await everything(store);
      await store.close();
      const at = before.findIndex((byte, n) => byte !== after[n]);
      const sector = (Math.floor(at / 512) + 1) * 512;
      if (torn === 'but for its first sector') after.fill(0, at, sector);
      else after.fill(0, sector + 1024, at + 3200);
      await rm(join(directory, 'state.kept'));
      await writeFile(path, after);
      const again = await openEmbeddedStore(directory);
      expect(again.notes).toEqual([expect.stringContaining('a crash interrupted')]);
      expect(await everything(again)).toEqual(all.filter(({ key }) => key !== 'services/0/last'));
      await write(again, put('services/0/last', 'again'));
      await again.close();
      expect((await read(directory)).length).toBe(all.length);
      await rm(directory, { recursive: true });
    },
  );

  it('of a newer format is refused as such, and its copy as well', async () => {
    const directory = join(root, 'here');
    await cp(join(root, 'stopped'), directory, { recursive: true });
    const path = join(directory, 'state.journal');
    const bytes = await readFile(path);
    bytes.write('2', 'fairlead state '.length);
    await writeFile(path, bytes);
    expect(await refusal(directory)).toContain('its format is 2, and this fairlead knows 1');
    await truncate(join(directory, 'state.kept'), 100);
    expect(await refusal(directory)).toMatch(/ so is its copy \S+state\.kept: [^\n]+ put a backup/);
    await rm(directory, { recursive: true });
  });

  it('that is missing is damage where there are signs of it, and only there', async () => {
    const directory = join(root, 'here');
    await (await openEmbeddedStore(directory)).close();
    for (const name of await readdir(directory)) await rm(join(directory, name));
    const trace = 'containers are in /there';
    await assert.rejects(openEmbeddedStore(directory, { trace }), {
      kind: 'invalid',
      message:
        `${directory}/state.journal is damaged: it is missing, but ${trace}; running containers are left alone; ` +
        '"fairlead daemon --restore" goes on without records, as there is no copy of it',
    });
    const begun = await openEmbeddedStore(directory, { trace, restore: true });
    expect(begun.isRestored).toBe(true);
    await begun.close();
    await rm(directory, { recursive: true });
  });

  it('may be its kept copy, put in its place', async () => {
    const directory = join(root, 'here');
    await cp(join(root, 'stopped'), directory, { recursive: true });
    await rename(join(directory, 'state.kept'), join(directory, 'state.journal'));
    expect(await read(directory)).toEqual(await read(join(root, 'stopped')));
    await rm(directory, { recursive: true });
  });

  it('is not restored while it is whole', async () => {
    const whole = await read(join(root, 'stopped'));
    const store = await openEmbeddedStore(join(root, 'stopped'), { restore: true });
    expect([store.isRestored, store.notes]).toEqual([false, []]);
    expect(await everything(store)).toEqual(whole);
    await store.close();
  });

  it('is written anew when it has outgrown what it holds, with commits going on', async () => {
    const directory = join(root, 'here');
    const store = await openEmbeddedStore(directory);
    const value = 'x'.repeat(20_000);
    for (let n = 0; n < 400; n += 1) {
      await Promise.all([
        write(store, put(`services/a/k${n % 10}`, `${n}${value}`)),
        write(store, put('services/a/count', String(n))),
      ]);
    }
    const held = await everything(store);
    expect(held.find(({ key }) => key === 'services/a/count')?.value).toBe('399');
    // All of it as after kill -9: nothing was closed.
    await copyFiles(directory, join(root, 'there'));
    expect(await read(join(root, 'there'))).toEqual(held);
    const { length } = await readFile(join(directory, 'state.journal'));
    expect(length).toBeLessThan(4 * 1024 * 1024);
    await store.close();
    expect(await read(directory)).toEqual(held);
  }, 30_000);
});
