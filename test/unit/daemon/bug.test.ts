import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseConfig } from '../../../src/daemon/config.ts';
import { hostPlatform, noHooks } from '../../../src/daemon/host-platform.ts';
import { startDaemon } from '../../../src/daemon/main.ts';
import { LogSink } from '../../../src/lib/log-sink.ts';
import { readableLine } from '../../../src/lib/log-text.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flt-bug-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** What is logged by a daemon whose data plane fails in a way that nobody thought of. */
async function logOf(format: (line: string) => string): Promise<string> {
  const file = join(root, 'log');
  const fd = openSync(file, 'w');
  const sink = new LogSink(fd, format);
  const dataplane = { close: () => Promise.reject(new TypeError('nobody thought of this')) };
  const daemon = await startDaemon(
    parseConfig({
      host: [`unix://${root}/sock`],
      'data-root': root,
      dataplane: 'simulated',
      'dns-listen': 'none',
      'log-level': 'error',
    }),
    hostPlatform({ ...noHooks, dataplane: (sound) => Object.assign(sound, dataplane) }),
    sink,
  );
  await daemon.close();
  expect(await sink.flushed(10_000)).toBe(true);
  closeSync(fd);
  return readFileSync(file, 'utf8');
}

it('a bug in the data plane leaves its stack in the log', async () => {
  const line = await logOf((json) => json);
  expect(JSON.parse(line)).toMatchObject({
    msg: 'undo what no container needs: nobody thought of this',
    err: { stack: expect.stringMatching(/TypeError: nobody thought of this\n {4}at .*bug\.test\.ts:\d+/) },
  });
});

it('on a terminal it is one short line', async () => {
  const text = await logOf((json) => readableLine(json, false));
  expect(text).toMatch(/^\S+ ERROR undo what no container needs: nobody thought of this\n$/);
});
