import type { Network } from '../../cluster/records.ts';
import { FairleadError } from '../../lib/errors.ts';
import { withTimeout } from '../../lib/with-timeout.ts';

/** How long an endpoint waits for its network, which was created at the Engine a moment ago, in milliseconds. */
const adoptionMs = 8_000;
/** Another node's network comes by the directory, and wakes nobody. */
const lookMs = 250;

/** Whoever needs a network that is about to become ours. */
export class AdoptionWaiters {
  #waiting: (() => void)[] = [];

  /** @throws not-found when it does not come */
  async wait(what: string, look: () => Network | undefined): Promise<Network> {
    const deadline = performance.now() + adoptionMs;
    for (let left = adoptionMs; left > 0; left = deadline - performance.now()) {
      const found = look();
      if (found) return found;
      const woken = new Promise<void>((resolve) => this.#waiting.push(resolve));
      await withTimeout(woken, Math.min(left, lookMs));
    }
    throw new FairleadError(
      'not-found',
      `${what} is not known here (yet): see the log of the Fairlead daemon`,
    );
  }

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
