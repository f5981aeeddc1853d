import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appendCommit, type CommitLog, changedSince } from '../../kvstore/zookeeper-log.ts';
import { Frames } from '../../kvstore/zookeeper-socket.ts';
import { WireReader, WireWriter } from '../../kvstore/zookeeper-wire.ts';

const empty: CommitLog = { version: 0, text: '' };
const key = fc.stringMatching(/^[a-z0-9%.:_-]{1,40}(\/[a-z0-9]{1,20}){0,3}$/);

describe('the log of commits', () => {
  it('tells exactly what later commits changed, or that it does not reach back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(key, { maxLength: 32 }), { maxLength: 60 }),
        fc.nat(60),
        (commits, since) => {
          const log = commits.reduce(append, empty);
          const version = Math.min(since, commits.length);
          const changed = changedSince(log, version);
          // An empty commit leaves an empty word behind, which is no key.
          if (changed) expect(without('', changed)).toEqual(new Set(commits.slice(version).flat()));
          if (version >= commits.length - 5 && log.text.length < 8000) expect(changed).toBeDefined();
        },
      ),
    );
  });

  it('keeps its size', () => {
    let log = empty;
    for (let round = 0; round < 500; round++) log = append(log, [`endpoints/${'x'.repeat(100)}/${round}`]);
    expect(log.text.length).toBeLessThanOrEqual(16 * 1024);
    expect(changedSince(log, 400)?.size).toBe(100);
    expect(changedSince(log, 0)).toBeUndefined();
    expect(changedSince(log, 501)).toBeUndefined();
  });
});

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

function append(log: CommitLog, keys: readonly string[]): CommitLog {
  return { version: log.version + 1, text: appendCommit(log, keys).toString() };
}

function without<T>(value: T, set: ReadonlySet<T>): Set<T> {
  return new Set([...set].filter((item) => item !== value));
}

function slices(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    parts.push(stream.subarray(at, at + size));
    at = Math.min(stream.length, at + size);
  }
  return [...parts, stream.subarray(at)];
}
