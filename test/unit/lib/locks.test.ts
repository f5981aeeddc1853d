import { describe, expect, it } from 'vitest';
import { apart, Locks } from '../../../src/lib/locks.ts';

const nothing = async () => {};

describe('locks', () => {
  it('run the tasks of one key one after another, those of two side by side', async () => {
    const locks = new Locks();
    const seen: string[] = [];
    const task = (name: string) => async () => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
    };
    await Promise.all([
      locks.run('network', 'a', task('a1')),
      locks.run('network', 'a', task('a2')),
      locks.run('network', 'b', task('b1')),
    ]);
    expect(seen.filter((line) => line.startsWith('a'))).toEqual([
      'a1 begins',
      'a1 ends',
      'a2 begins',
      'a2 ends',
    ]);
    expect(seen.indexOf('b1 begins')).toBeLessThan(seen.indexOf('a1 ends'));
  });

  it('are taken in one order', async () => {
    const locks = new Locks();
    const right = locks.shared(() => locks.run('container', 'c', () => locks.run('network', 'n', nothing)));
    await expect(right).resolves.toBeUndefined();
    const wrong = locks.run('network', 'n', () => locks.run('container', 'c', nothing));
    await expect(wrong).rejects.toThrow('the lock container is taken under the lock network');
  });

  it.each(['node', 'container'] as const)('are not taken again by who holds them: %s', async (name) => {
    const locks = new Locks();
    const take = (task: () => Promise<void>) =>
      name === 'node' ? locks.shared(task) : locks.run(name, 'one', task);
    await expect(take(() => take(nothing))).rejects.toThrow(
      `the lock ${name} is taken under the lock ${name}`,
    );
  });

  it('are not held by what goes on after them, nor by what nobody waits for', async () => {
    const locks = new Locks();
    let later = nothing;
    await locks.run('container', 'c', async () => {
      later = async () => {
        await new Promise((resolve) => setImmediate(resolve));
        await locks.run('container', 'c', nothing);
      };
      void later();
    });
    await later();
    let listened: Promise<void> | undefined;
    await locks.run('network', 'n', async () => {
      listened = apart(() => locks.run('container', 'c', nothing));
    });
    await expect(listened).resolves.toBeUndefined();
  });
});
