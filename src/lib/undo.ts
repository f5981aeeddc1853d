import { type ErrorKind, FairleadError, kindOf, messageOf } from './errors.ts';

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
 * Runs `operation`; if it throws, unwinds what it pushed and rethrows its error. Undo steps that fail are told in the
 * message and the cause; the kind stays the operation's own.
 */
export async function withUndo<T>(operation: (undo: UndoStack) => Promise<T>): Promise<T> {
  const undo = new UndoStack();
  try {
    return await operation(undo);
  } catch (error) {
    const failures = await undo.unwind();
    if (failures.length === 0) throw error;
    throw several(kindOf(error), [error, ...failures]);
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
  if (failures.length === 0) return;
  if (failures.length === 1) throw failures[0];
  const [kind = 'internal', ...others] = new Set(failures.map(kindOf));
  throw several(others.length === 0 ? kind : 'internal', failures);
}

function several(kind: ErrorKind, errors: readonly unknown[]): FairleadError {
  const cause = new AggregateError(errors);
  return new FairleadError(kind, messageOf(cause), { cause });
}
