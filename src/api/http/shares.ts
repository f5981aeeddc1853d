import { FairleadError } from '../../lib/errors.ts';

/** Asked where there is no room any more: whether its holder has gone, or goes now. */
type Goes = () => boolean;

/** What can be used up is shared: each asker (a container, a client's address) has so many at once, whatever the others have. */
export class Shares {
  readonly #taken = new Map<string, Set<{ readonly goes: Goes }>>();

  constructor(
    private readonly most: number,
    /** In the plural: `event readers`. */
    private readonly what: string,
  ) {}

  /** @throws limited */
  take(asker: string, goes: Goes = () => false): Disposable {
    const taken = this.#taken.get(asker) ?? new Set();
    if (taken.size >= this.most) this.#makeRoom(asker, taken);
    const share = { goes };
    this.#taken.set(asker, taken.add(share));
    return {
      [Symbol.dispose]: () => {
        taken.delete(share);
        if (taken.size === 0 && this.#taken.get(asker) === taken) this.#taken.delete(asker);
      },
    };
  }

  #makeRoom(asker: string, taken: Set<{ readonly goes: Goes }>): void {
    for (const share of taken) if (share.goes()) return void taken.delete(share);
    throw new FairleadError(
      'limited',
      `too many ${this.what}: ${asker} has ${taken.size} already, and no more than ${this.most} are served at once`,
    );
  }
}

/** Whose share a request counts against: who may use a unix socket is not told apart there. */
export function askerOf({ remoteAddress }: { readonly remoteAddress?: string | undefined }): string {
  return remoteAddress ?? 'the unix socket';
}

/** How many an asker has at once (docs/security.md). */
export const limits = { eventReaders: 256, streamsOfContainer: 256, execsOfContainer: 256 } as const;
