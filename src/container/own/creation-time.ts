import { timestamp } from '../../lib/time.ts';

let last = { time: '', count: 0 };

/**
 * The time (Unix, in milliseconds) with a count in the digits below the millisecond: containers made within one millisecond still
 * sort in the order of their creation, and no two have the same time.
 */
export function creationTime(milliseconds: number): string {
  const time = timestamp(milliseconds);
  last = { time, count: time === last.time ? last.count + 1 : 0 };
  return time.replace(/000000Z$/, `${String(last.count).padStart(6, '0')}Z`);
}
