import { readdir, readFile } from 'node:fs/promises';

/** proc(5): clock ticks of 10 ms. */
const millisecondsPerTick = 10;

/**
 * CPU time, user and system, in milliseconds, of every process of the pen (pen.ts) but this one, and of those that
 * have ended: their parents carry it. The difference between two calls is what was done in between, by
 * whoever was asked to do something, whatever other programs of the machine did.
 */
export async function penMilliseconds(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const ticks = await Promise.all(pids.map(ticksOf));
  return ticks.reduce((sum, each) => sum + each, 0) * millisecondsPerTick;
}

/** utime, stime, cutime and cstime. */
async function ticksOf(pid: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}
