const ctrlP = 0x10;
const ctrlQ = 0x11;

/** Watches typed bytes for Docker's ctrl-p ctrl-q. A ctrl-p is held back until the next byte shows what it was. */
export class DetachKeys {
  #held = false;

  feed(bytes: Buffer): { readonly output: Buffer; readonly detach: boolean } {
    const output: number[] = [];
    for (const byte of bytes) {
      if (this.#held && byte === ctrlQ) return { output: Buffer.from(output), detach: true };
      if (this.#held) output.push(ctrlP);
      this.#held = byte === ctrlP;
      if (!this.#held) output.push(byte);
    }
    return { output: Buffer.from(output), detach: false };
  }
}
