import { timestamp } from '../lib/time.ts';

let last = { time: '', count: 0 };

/**
 * Now, with a count in the digits below the millisecond: containers made within one millisecond still
 * sort in the order of their creation, and no two have the same time.
 */
export function creationTime(): string {
  const time = timestamp();
  last = { time, count: time === last.time ? last.count + 1 : 0 };
  return time.replace(/000000Z$/, `${String(last.count).padStart(6, '0')}Z`);
}
