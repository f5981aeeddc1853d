import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, FrameDecoder, frameTypes } from '../../../../src/container/shim/frames.ts';

test('frames survive any cutting of the stream that carries them', () => {
  const frame = fc.record({
    type: fc.constantFrom(...Object.values(frameTypes)),
    payload: fc.uint8Array({ maxLength: 300 }),
  });
  fc.assert(
    fc.property(fc.array(frame), fc.integer({ min: 1, max: 50 }), (frames, size) => {
      const bytes = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, Buffer.from(payload))));
      const decoder = new FrameDecoder();
      const decoded = [];
      for (let at = 0; at < bytes.length; at += size)
        decoded.push(...decoder.push(bytes.subarray(at, at + size)));
      expect(decoded).toEqual(frames.map(({ type, payload }) => ({ type, payload: Buffer.from(payload) })));
    }),
  );
});

test('a frame is as Docker writes it', () => {
  expect(encodeFrame(frameTypes.stderr, Buffer.from('hi'))).toEqual(
    Buffer.from([2, 0, 0, 0, 0, 0, 0, 2, 104, 105]),
  );
});
