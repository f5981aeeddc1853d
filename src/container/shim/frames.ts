/**
 * What goes over a shim's socket, both ways: Docker's stream framing (one byte of type, three zero
 * bytes, length as 32 bits, payload), with a fourth type for control messages in JSON.
 */
export const frameTypes = { stdin: 0, stdout: 1, stderr: 2, control: 3 } as const;
export type FrameType = (typeof frameTypes)[keyof typeof frameTypes];

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

const headerSize = 8;

export function encodeFrame(type: FrameType, payload: Buffer): Buffer {
  const header = Buffer.alloc(headerSize);
  header[0] = type;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

export function encodeControl(message: object): Buffer {
  return encodeFrame(frameTypes.control, Buffer.from(JSON.stringify(message)));
}

/** Cuts a byte stream into frames, however it was chunked. */
export class FrameDecoder {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    while (this.#rest.length >= headerSize) {
      const end = headerSize + this.#rest.readUInt32BE(4);
      if (this.#rest.length < end) break;
      frames.push({ type: this.#rest.readUInt8(0), payload: this.#rest.subarray(headerSize, end) });
      this.#rest = this.#rest.subarray(end);
    }
    return frames;
  }
}
