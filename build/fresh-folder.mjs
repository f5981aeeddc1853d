import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { atExit } from './at-exit.mjs';

/** A child that was just ended may write for a moment still. */
const forGood = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 };

/**
 * Builds beside and puts in place at the end: whoever uses the folder meanwhile has the old one or the new one. A build
 * that is interrupted takes its half away; what one that was killed has left goes with the next.
 */
export async function replaceFolder(name, build, kept = []) {
  removeLeftOvers(`${name}.new`);
  const fresh = mkdtempSync(`${name}.new-${process.pid}-`);
  const remove = () => {
    for (const leftOver of [fresh, `${fresh}.old`]) rmSync(leftOver, forGood);
  };
  atExit(remove);
  try {
    await build(fresh);
    for (const entry of kept)
      if (existsSync(`${name}/${entry}`)) renameSync(`${name}/${entry}`, `${fresh}/${entry}`);
    if (existsSync(name)) renameSync(name, `${fresh}.old`);
    renameSync(fresh, name);
  } finally {
    remove();
  }
}

/** Folders `PREFIX-PID…` of processes that are gone. */
export function removeLeftOvers(prefix) {
  for (const entry of readdirSync('.')) {
    const pid = entry.startsWith(`${prefix}-`) ? entry.slice(prefix.length + 1).split('-')[0] : '';
    if (pid && !isAlive(Number(pid))) rmSync(entry, { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
