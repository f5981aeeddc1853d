import { FairleadError } from '../lib/errors.ts';
import type { Duration } from './contract.ts';

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** In milliseconds. @throws invalid */
export function milliseconds(duration: Duration): number {
  const [, number, unit] = typeof duration === 'string' ? (pattern.exec(duration) ?? []) : [];
  const value = typeof duration === 'number' ? duration : Number(number) * unitOf(unit);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new FairleadError(
    'invalid',
    `invalid duration ${JSON.stringify(duration)}: expected milliseconds or a text such as 250ms, 10s, 10m, 2h, 1d`,
  );
}

function unitOf(unit: string | undefined): number {
  return Object.entries(units).find(([name]) => name === unit)?.[1] ?? Number.NaN;
}
