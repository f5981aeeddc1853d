import { isKind, messageOf } from '../../lib/errors.ts';
import type { NetworkContext } from '../context.ts';

/** Containers, or networks, that are looked at together: nearly all of it is waiting for the store. */
export const atOnce = 8;

/** @returns whether it went well */
export async function attempt(
  { log }: Pick<NetworkContext, 'log'>,
  what: string,
  step: () => Promise<unknown>,
): Promise<boolean> {
  try {
    await step();
    return true;
  } catch (error) {
    log[isKind(error, 'unavailable') ? 'debug' : 'error'](
      { err: error },
      `reconcile ${what}: ${messageOf(error)}`,
    );
    return false;
  }
}
