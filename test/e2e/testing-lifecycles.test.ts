import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod';
import { distFile } from '../../src/lib/dist-file.ts';

const state = z.object({
  heap: z.number(),
  descriptors: z.number(),
  resources: z.array(z.string()),
  listeners: z.number(),
});
const report = z.object({ medianMs: z.number(), before: state, after: state, folders: z.array(z.string()) });

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flt-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('startFairlead and close, a thousand times in one process, leave nothing', async () => {
  const script = new URL('../rig/lifecycles.mjs', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--expose-gc', script, distFile('testing.mjs'), '1000'],
    { env: { ...process.env, TMPDIR: folder } },
  );
  const { medianMs, before, after, folders } = report.parse(JSON.parse(stdout));
  const grownBy = (after.heap - before.heap) / 700;
  console.log(
    `startFairlead: ${medianMs.toFixed(1)} ms (median of 700), heap ${grownBy.toFixed(0)} bytes more each`,
  );
  expect(folders).toEqual([]);
  expect({ ...after, heap: 0 }).toEqual({ ...before, heap: 0 });
  // Code that V8 compiles late is some 1000 bytes; a daemon that is kept would be 300,000.
  expect(grownBy).toBeLessThan(4000);
});
