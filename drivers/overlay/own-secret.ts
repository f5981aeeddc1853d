import { randomBytes } from 'node:crypto';
import type { Association } from '../../src/dataplane/associations.ts';
import { nameOf } from './association.ts';

export interface SecretTimes {
  /** Milliseconds that a secret is used for, or up to a tenth less. */
  readonly lifetimeMs: number;
  /** Milliseconds after which every living node has learned it: one that has not has lost its lease. */
  readonly settleMs: number;
}

/** Milliseconds: a watch of the store and two processes, on a machine that has more to do. */
const toldMs = 2000;

/**
 * The secret of this node that its associations are made of. Only in memory and in the node's record: no life of
 * the daemon knows the secret of an earlier one, and so none makes an association a second time.
 */
export class OwnSecret {
  readonly value = randomBytes(32).toString('hex');
  readonly spent = new Set<string>();
  readonly #until: number;
  #isPublished = false;
  #published: number | undefined;

  constructor(
    private readonly times: SecretTimes,
    private readonly now: () => number,
  ) {
    // Not all at once: where two change theirs in the same moment, neither is ready for the other's.
    this.#until = now() + times.lifetimeMs * (0.9 + Math.random() / 10);
  }

  /** Once. */
  publish(tell: (secret: string) => Promise<void>): void {
    if (this.#isPublished) return;
    this.#isPublished = true;
    void tell(this.value).then(() => {
      this.#published = this.now();
    });
  }

  get settled(): boolean {
    return this.#age >= this.times.settleMs;
  }

  get told(): boolean {
    return this.#age >= toldMs;
  }

  /** Milliseconds for which the others can know it. */
  get #age(): number {
    return this.#published === undefined ? -1 : this.now() - this.#published;
  }

  /** Before it is settled it is not replaced: there would be no end of it while the store is away. */
  get expired(): boolean {
    return this.settled && this.now() >= this.#until;
  }

  /** To be said before they are made: one that failed half-way may be there. */
  spend(associations: readonly Association[]): void {
    for (const one of associations) this.spent.add(nameOf(one));
  }
}
