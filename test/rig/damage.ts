import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { Random } from './random.ts';

const blockSize = 4096;

/** What goes wrong with a file: one of each kind, in what is written in it, at a place that `random` chooses. */
export const damages: Readonly<Record<string, (file: string, random: Random) => void>> = {
  truncated: (file, random) => truncateSync(file, random.below(usedOf(readFileSync(file)))),
  zeroed: (file, random) => change(file, random, (part) => part.fill(0)),
  scribbled: (file, random) => change(file, random, (part) => part.map(() => random.below(256))),
  swapped(file, random) {
    const bytes = readFileSync(file);
    const block = () => random.below(Math.ceil(usedOf(bytes) / blockSize)) * blockSize;
    const [one, other] = [block(), block()];
    const first = Buffer.from(bytes.subarray(one, one + blockSize));
    bytes.copy(bytes, one, other, other + blockSize);
    first.copy(bytes, other);
    writeFileSync(file, bytes);
  },
  emptied: (file) => truncateSync(file),
  missing: (file) => rmSync(file),
};

function change(file: string, random: Random, alter: (part: Buffer) => Uint8Array): void {
  const bytes = readFileSync(file);
  const at = random.below(usedOf(bytes));
  const part = bytes.subarray(at, at + 1 + random.below(2 * blockSize));
  bytes.set(alter(part), at);
  writeFileSync(file, bytes);
}

/** Up to the last byte that is not zero. */
function usedOf(bytes: Buffer): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}
