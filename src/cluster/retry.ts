import type { Check, Write } from '../../kvstore/store.ts';
import { FairleadError } from '../lib/errors.ts';
import type { Directory } from './directory.ts';
import type { Scope } from './records.ts';

const maxTries = 20;
/** The longest pause before another try, in milliseconds; random, so that two hosts part ways. */
const maxPauseMs = 20;

/** What one try wants committed, decided from what it has just read. */
export interface Decision<T> {
  readonly checks: readonly Check[];
  readonly writes: readonly Write[];
  readonly result: T;
  /** Told which check failed; may throw to end the tries with a better error. */
  readonly onConflict?: (failedKey: string) => void;
}

/**
 * Reads, decides, commits; again on a conflict, a bounded number of times.
 * @throws conflict when others were always faster
 */
export async function commitWithRetry<T>(
  directory: Directory,
  scope: Scope,
  what: string,
  decide: () => Promise<Decision<T>>,
): Promise<T> {
  for (let tried = 0; tried < maxTries; tried += 1) {
    const decision = await decide();
    const outcome = await directory.commit(scope, decision.checks, decision.writes);
    if (outcome.ok) return decision.result;
    decision.onConflict?.(outcome.failed);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * maxPauseMs));
  }
  throw new FairleadError(
    'conflict',
    `${what}: other hosts changed the same records ${maxTries} times; try again`,
  );
}
