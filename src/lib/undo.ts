import { messageOf } from './errors.ts';

interface UndoStep {
  readonly name: string;
  readonly run: () => Promise<unknown> | unknown;
}

/** Steps that take back what an operation did, run newest first when it fails. */
export class UndoStack {
  readonly #steps: UndoStep[] = [];

  push(name: string, run: UndoStep['run']): void {
    this.#steps.push({ name, run });
  }

  /** Runs every step even when some fail. Returns the failures, newest step first. */
  async unwind(): Promise<Error[]> {
    const failures: Error[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step.run();
      } catch (error) {
        failures.push(new Error(`undo ${step.name}: ${messageOf(error)}`, { cause: error }));
      }
    }
    return failures;
  }
}

/**
 * Runs `operation`; if it throws, unwinds what it pushed and rethrows its error, with the failures of
 * the undo steps beside it in an AggregateError when there were any.
 */
export async function withUndo<T>(operation: (undo: UndoStack) => Promise<T>): Promise<T> {
  const undo = new UndoStack();
  try {
    return await operation(undo);
  } catch (error) {
    const failures = await undo.unwind();
    if (failures.length === 0) throw error;
    throw new AggregateError([error, ...failures], messageOf(error));
  }
}

/** Teardown: runs every step in order, goes on after a failure, and reports all failures at the end. */
export async function runAll(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(messageOf).join('; '));
}
