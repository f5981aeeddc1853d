import { Transform, type TransformCallback } from 'node:stream';

/** Docker's stream types; 0 (stdin) is never sent to a client. */
const types = { stdout: 1, stderr: 2 } as const;
export type OutputStream = keyof typeof types;

export const rawStream = 'application/vnd.docker.raw-stream';
export const multiplexedStream = 'application/vnd.docker.multiplexed-stream';

/** Docker's frame: the stream's type, three zero bytes, the payload's length (big endian), the payload. */
export function frame(stream: OutputStream, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(types[stream], 0);
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

/** Frames each chunk of one output, so that two can share a connection. */
export class Framer extends Transform {
  constructor(private readonly stream: OutputStream) {
    super();
  }

  override _transform(chunk: unknown, _encoding: BufferEncoding, done: TransformCallback): void {
    done(null, frame(this.stream, Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))));
  }
}
