import { UsageError } from '../../../../failure.ts';

const units: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `64m`, `1.5GB`, `100` (bytes), as Docker reads sizes of memory; nothing: 0. @throws UsageError */
export function bytesOf(flag: string, text: string): number {
  if (text === '') return 0;
  const [, number = '', unit = ''] = /^(-?\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text) ?? [];
  const power = units[unit.toLowerCase()];
  if (number !== '' && power !== undefined) return Math.trunc(Number(number) * 1024 ** power);
  throw new UsageError(`invalid argument "${text}" for "--${flag}" flag: invalid size: '${text}'`);
}
