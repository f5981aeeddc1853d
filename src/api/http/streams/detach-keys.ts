import { Transform, type TransformCallback } from 'node:stream';
import { FairleadError } from '../../../lib/errors.ts';

/** ctrl-p ctrl-q. */
const usual = [16, 17];

/**
 * `ctrl-p,ctrl-q`, `ctrl-@,x`; empty: the usual ones.
 * @throws invalid, in the Engine's words
 */
export function parseDetachKeys(text: string): readonly number[] {
  if (text === '') return usual;
  return text.split(',').map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1]?.toUpperCase();
    if (control) return control.charCodeAt(0) - 64;
    throw new FairleadError('invalid', `Invalid detach keys (${text}) provided: Unknown character: '${key}'`);
  });
}

/**
 * A terminal's input up to the keys that detach, which the program does not see. Keys that begin the
 * sequence are held back until it is clear whether they end it.
 */
export class DetachScanner extends Transform {
  #matched = 0;

  constructor(
    private readonly keys: readonly number[],
    private readonly detach: () => void,
  ) {
    super();
  }

  override _transform(chunk: unknown, _encoding: BufferEncoding, done: TransformCallback): void {
    const passed: number[] = [];
    for (const byte of Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))) {
      if (byte === this.keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched < this.keys.length) continue;
        if (passed.length > 0) this.push(Buffer.from(passed));
        this.detach();
        return;
      }
      passed.push(...this.keys.slice(0, this.#matched), byte);
      this.#matched = 0;
    }
    done(null, Buffer.from(passed));
  }

  override _flush(done: TransformCallback): void {
    done(null, Buffer.from(this.keys.slice(0, this.#matched)));
  }
}
