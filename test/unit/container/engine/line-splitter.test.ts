import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../../src/container/engine/line-splitter.ts';

describe('lines of an event stream', () => {
  it('are whole wherever the chunks end', () => {
    const lines = fc.array(fc.string({ unit: 'grapheme', minLength: 1 }).filter(isLine), { maxLength: 20 });
    fc.assert(
      fc.property(lines, fc.array(fc.nat(200)), (wanted, cuts) => {
        const bytes = Buffer.from(wanted.map((line) => `${line}\n`).join(''));
        const splitter = new LineSplitter();
        const ends = [...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const starts = [0, ...ends];
        const found = ends.flatMap((end, i) => splitter.push(bytes.subarray(starts[i], end)));
        expect(found).toEqual(wanted);
      }),
    );
  });

  it('that never end cost no memory, and the next one is read', () => {
    const splitter = new LineSplitter();
    for (let n = 0; n < 64; n += 1) expect(splitter.push(Buffer.alloc(1 << 16, 'x'))).toEqual([]);
    expect(splitter.push(Buffer.from('y\nnext\n'))).toEqual(['next']);
  });
});

function isLine(text: string): boolean {
  return text === text.trim() && !text.includes('\n');
}
