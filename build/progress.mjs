import { hrtime } from 'node:process';

/** Says on a terminal what is being done and how long it took; says nothing into a pipe. */
export async function stage(what, work) {
  if (!process.stderr.isTTY) return await work();
  const begun = hrtime.bigint();
  process.stderr.write(`${what} …`);
  const result = await work();
  process.stderr.write(` ${(Number(hrtime.bigint() - begun) / 1e9).toFixed(1)} s\n`);
  return result;
}
