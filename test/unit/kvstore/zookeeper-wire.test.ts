import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Frames } from '../../../kvstore/zookeeper/socket.ts';
import { WireReader, WireWriter } from '../../../kvstore/zookeeper/wire.ts';

describe('packets', () => {
  it('come whole and in order however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), fc.array(fc.nat(400)), (bodies, cuts) => {
        const stream = Buffer.concat(
          bodies.map((body) => new WireWriter().bytes(Buffer.from(body)).packet()),
        );
        const frames = new Frames();
        const received = slices(stream, cuts).flatMap((slice) => frames.add(slice));
        expect(received.map((frame) => [...new WireReader(frame).bytes()])).toEqual(
          bodies.map((body) => [...body]),
        );
      }),
    );
  });

  it('hold what was written', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.string(), fc.boolean(), (number, text, flag) => {
        const written = new WireWriter().long(BigInt(number)).text(text).bool(flag).int(-7);
        const reader = new WireReader(written.packet().subarray(4));
        expect([reader.long(), reader.text(), reader.bool(), reader.int()]).toEqual([
          BigInt(number),
          text,
          flag,
          -7,
        ]);
      }),
    );
  });
});

function slices(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    parts.push(stream.subarray(at, at + size));
    at = Math.min(stream.length, at + size);
  }
  return [...parts, stream.subarray(at)];
}
