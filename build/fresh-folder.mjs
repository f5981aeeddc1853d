import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { atExit } from './at-exit.mjs';

/** A child that was just ended may write for a moment still. */
const forGood = { recursive: true, force: true, maxRetries: 10, retryDelay: 20 };

/**
 * Builds beside and puts in place at the end: whoever uses the folder meanwhile has the old one or the new one. A build
 * that is interrupted takes its half away; what one that was killed has left goes with the next.
 */
export async function replaceFolder(name, build) {
  removeLeftOvers(name);
  const fresh = mkdtempSync(`${name}.new-${process.pid}-`);
  const remove = () => {
    for (const leftOver of [fresh, `${fresh}.old`]) rmSync(leftOver, forGood);
  };
  atExit(remove);
  try {
    await build(fresh);
    if (existsSync(name)) renameSync(name, `${fresh}.old`);
    renameSync(fresh, name);
  } finally {
    remove();
  }
}

function removeLeftOvers(name) {
  for (const entry of readdirSync('.')) {
    const pid = entry.startsWith(`${name}.new-`) ? entry.slice(`${name}.new-`.length).split('-')[0] : '';
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
