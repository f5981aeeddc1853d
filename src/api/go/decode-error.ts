import { FairleadError } from '../../lib/errors.ts';

/** What encoding/json would refuse, in its words: a text that is no JSON, or a value of another type. */
export class DecodeError extends FairleadError {
  constructor(message: string, options?: ErrorOptions) {
    super('invalid', message, options);
  }
}
