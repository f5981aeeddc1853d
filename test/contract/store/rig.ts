import assert from 'node:assert/strict';
import type { CommitResult, Entry, Store, Write } from '../../../kvstore/store.ts';
import { FairleadError, kindOf } from '../../../src/lib/errors.ts';

export interface StoreRig extends AsyncDisposable {
  /** A client of this rig's store, which is empty at first. Each stands for a process of its own. */
  open(): Promise<Store>;
  /** False where a second client is refused while one is open (the embedded store). */
  readonly shared: boolean;
}

/** One rule of the contract, as a plain function that rejects when a store breaks it. */
export interface StoreCase {
  readonly name: string;
  readonly run: (rig: StoreRig) => Promise<void>;
}

/** Two clients where the store takes two, else the one twice. */
export async function openTwo(rig: StoreRig): Promise<readonly [Store, Store]> {
  const first = await rig.open();
  return [first, rig.shared ? await rig.open() : first];
}

export function put(key: string, value: string, more: Pick<Write & { op: 'put' }, 'lease'> = {}): Write {
  return { op: 'put', key, value, ...more };
}

export function remove(key: string): Write {
  return { op: 'delete', key };
}

/** Commits without checks and returns the versions. */
export async function write(store: Store, ...writes: readonly Write[]): Promise<ReadonlyMap<string, string>> {
  const result = await store.commit([], writes);
  assert.ok(result.ok, 'a commit without checks succeeds');
  return result.versions;
}

export async function versionOf(store: Store, key: string): Promise<string> {
  const entry = await store.get(key);
  assert.ok(entry, `${key} exists`);
  return entry.version;
}

export async function valueAt(store: Store, key: string): Promise<string | undefined> {
  return (await store.get(key))?.value;
}

export function failed(result: CommitResult): string | undefined {
  return result.ok ? undefined : result.failed;
}

export function pairs(entries: readonly Entry[]): [string, string][] {
  return entries.map(({ key, value }) => [key, value]);
}

export async function rejects(kind: FairleadError['kind'], promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof FairleadError, `a FairleadError, not ${error}`);
    assert.equal(kindOf(error), kind, error.message);
    assert.ok(!error.message.includes('\n'), 'one line');
    return true;
  });
}

export async function eventually(
  what: string,
  condition: () => Promise<boolean> | boolean,
  milliseconds = 5000,
): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `within ${milliseconds} ms: ${what}`);
    await pause(20);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The promise's value, which must come soon: a wait without end would hide what failed. */
export async function soon<T>(what: string, promise: Promise<T>, milliseconds = 5000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `${what} takes too long` })),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
