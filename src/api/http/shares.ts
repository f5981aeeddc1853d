import { FairleadError } from '../../lib/errors.ts';

/** Called when a holder has no share left: whether this share's user has gone, or goes now. */
type Goes = () => boolean;

/** Limits a scarce resource per holder (a container, a client's address), so that no holder uses up another's share. */
export class Shares {
  readonly #taken = new Map<string, Set<{ readonly goes: Goes }>>();

  constructor(
    private readonly most: number,
    /** In the plural: `event readers`. */
    private readonly what: string,
  ) {}

  /** @throws limited */
  take(holder: string, goes: Goes = () => false): Disposable {
    const taken = this.#taken.get(holder) ?? new Set();
    if (taken.size >= this.most) this.#makeRoom(holder, taken);
    const share = { goes };
    this.#taken.set(holder, taken.add(share));
    return {
      [Symbol.dispose]: () => {
        taken.delete(share);
        if (taken.size === 0 && this.#taken.get(holder) === taken) this.#taken.delete(holder);
      },
    };
  }

  #makeRoom(holder: string, taken: Set<{ readonly goes: Goes }>): void {
    for (const share of taken) if (share.goes()) return void taken.delete(share);
    throw new FairleadError(
      'limited',
      `too many ${this.what}: ${holder} has ${taken.size} already, and no more than ${this.most} are served at once`,
    );
  }
}

/** The holder that a request counts against; all clients of the unix socket are one. */
export function askerOf({ remoteAddress }: { readonly remoteAddress?: string | undefined }): string {
  return remoteAddress ?? 'the unix socket';
}

/** The most that one holder has at once (docs/security.md). */
export const limits = { eventReaders: 256, streamsOfContainer: 256, execsOfContainer: 256 } as const;
