import { describe, expect, it } from 'vitest';
import { FairleadError, kindOf, messageOf } from '../../../src/lib/errors.ts';
import { runAll, withUndo } from '../../../src/lib/undo.ts';

const failing = (kind: 'conflict' | 'unavailable' | 'internal', message: string) => async () => {
  throw new FairleadError(kind, message);
};
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('undo', () => {
  it('runs the steps of a failed operation newest first, and none of one that succeeds', async () => {
    const undone: string[] = [];
    const operation = (fails: boolean) =>
      withUndo(async (undo) => {
        undo.push('first', () => undone.push('first'));
        undo.push('second', () => undone.push('second'));
        if (fails) throw new Error('no');
      });
    await operation(false);
    expect(undone).toEqual([]);
    await expect(operation(true)).rejects.toThrow('no');
    expect(undone).toEqual(['second', 'first']);
  });

  it('keeps the kind of an error whose undo fails, and tells both', async () => {
    const error = await errorOf(
      withUndo(async (undo) => {
        undo.push('device', failing('internal', 'device is busy'));
        await failing('conflict', 'address taken')();
      }),
    );
    expect(kindOf(error)).toBe('conflict');
    expect(messageOf(error)).toBe('address taken; undo device: device is busy');
    expect(error instanceof Error && error.cause).toBeInstanceOf(AggregateError);
  });

  it.each([
    ['unavailable', 'unavailable', 'unavailable'],
    ['unavailable', 'conflict', 'internal'],
    ['unavailable', 'internal', 'internal'],
  ] as const)('a teardown that fails with %s and %s is %s', async (first, second, kind) => {
    const error = await errorOf(runAll([failing(first, 'one'), async () => {}, failing(second, 'two')]));
    expect(kindOf(error)).toBe(kind);
    expect(messageOf(error)).toBe('one; two');
  });
});
