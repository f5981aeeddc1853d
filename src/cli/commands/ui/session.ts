import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Nobody guesses so many. */
const secretBytes = 32;

/**
 * A token that is good once, and the session that it is exchanged for. The token is in a URL, which a terminal and a
 * browser's history keep; what they keep is worth nothing afterwards.
 */
export class Sessions {
  readonly token = secret();
  #isSpent = false;
  #session: string | undefined;

  /** Undefined: it is not the token, or was used before. */
  exchange(token: string): string | undefined {
    if (this.#isSpent || !same(token, this.token)) return undefined;
    this.#isSpent = true;
    this.#session = secret();
    return this.#session;
  }

  holds(session: string): boolean {
    return this.#session !== undefined && same(session, this.#session);
  }
}

function secret(): string {
  return randomBytes(secretBytes).toString('base64url');
}

/** Takes as long whatever they share. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
