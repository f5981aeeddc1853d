import { FairleadError } from '../src/lib/errors.ts';
import { type Check, maxCommitBytes, maxCommitSize, maxValueSize, type Write } from './store.ts';

/** What the contract forbids is refused here, the same for every backend and before any server is asked. */

const keyPattern = /^[A-Za-z0-9_.:%-]+(\/[A-Za-z0-9_.:%-]+)*$/;

export function isKey(text: string): boolean {
  return keyPattern.test(text) && !hasDotPart(text);
}

/** @throws invalid */
export function checkKey(key: string): void {
  if (!isKey(key)) {
    throw new FairleadError(
      'invalid',
      `"${key}" is not a key: parts of letters, digits and "-_.:%", joined by "/"`,
    );
  }
}

/** @throws invalid unless the prefix is a key and a final slash */
export function checkFolder(prefix: string): void {
  if (!prefix.endsWith('/'))
    throw new FairleadError('invalid', `"${prefix}" is not a folder: it must end in "/"`);
  checkKey(prefix.slice(0, -1));
}

/** @throws invalid, naming the first rule that the commit breaks */
export function checkCommit(checks: readonly Check[], writes: readonly Write[]): void {
  const size = checks.length + writes.length;
  if (size > maxCommitSize) {
    throw new FairleadError(
      'invalid',
      `a commit has at most ${maxCommitSize} checks and writes, not ${size}`,
    );
  }
  checkNamedOnce('checks', checks);
  checkNamedOnce('writes', writes);
  checkValues(writes);
}

/** @throws invalid unless it is a whole number of seconds, one or more */
export function checkTtl(ttlSeconds: number): void {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1) {
    throw new FairleadError(
      'invalid',
      `a lease lasts a whole number of seconds, 1 or more, not ${ttlSeconds}`,
    );
  }
}

function checkNamedOnce(what: string, items: readonly { readonly key: string }[]): void {
  const seen = new Set<string>();
  for (const { key } of items) {
    checkKey(key);
    if (seen.has(key))
      throw new FairleadError('invalid', `"${key}" is named twice among the ${what} of one commit`);
    seen.add(key);
  }
}

function checkValues(writes: readonly Write[]): void {
  let total = 0;
  for (const write of writes) {
    if (write.op === 'delete') continue;
    const bytes = Buffer.byteLength(write.value);
    total += bytes;
    if (bytes <= maxValueSize) continue;
    throw new FairleadError(
      'invalid',
      `the value of "${write.key}" has ${bytes} bytes, more than ${maxValueSize}`,
    );
  }
  if (total > maxCommitBytes) {
    throw new FairleadError(
      'invalid',
      `the values of a commit have ${total} bytes, more than ${maxCommitBytes}`,
    );
  }
}

/** ZooKeeper takes the parts `.` and `..` for relative paths. */
function hasDotPart(key: string): boolean {
  return key.split('/').some((part) => part === '.' || part === '..');
}
