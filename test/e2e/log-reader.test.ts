import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePorts } from '../rig/server.ts';
import { askUdp, makeQuery } from '../unit/dns/fixture.ts';

const program = fileURLToPath(new URL('../../dist/bin/fairlead', import.meta.url));
let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'flt-log-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** @returns the status */
function get(path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ socketPath: join(root, 'sock'), path, agent: false }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    })
      .once('error', reject)
      .end();
  });
}

it('a log that nobody reads stops neither names nor calls, nor the end', async () => {
  const [port = 0] = await freePorts(1);
  const flags = ['--dataplane', 'simulated', '--dns-listen', `127.0.0.1:${port}`, '--log-level', 'debug'];
  const args = [program, 'daemon', '--data-root', root, '-H', `unix://${root}/sock`, ...flags];
  const daemon = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(daemon, 'exit');
  try {
    while (!String(await once(daemon.stdout, 'data')).includes('ready on'));
    // Each is logged with its path: many times what a pipe holds, and more than the daemon keeps.
    const path = `/networks/none?${'x'.repeat(4000)}`;
    for (let i = 0; i < 500; i += 1) expect(await get(path)).toBe(200);
    expect(await askUdp(makeQuery('none.bridge'), { address: '127.0.0.1', port })).toBeDefined();
    let log = '';
    daemon.stderr.on('data', (data) => {
      log += data;
    });
    await expect
      .poll(() => log, { timeout: 10_000 })
      .toMatch(/\d+ lines of the log are lost: nobody read it/);
    daemon.stderr.pause();
    for (let i = 0; i < 500; i += 1) expect(await get(path)).toBe(200);
  } finally {
    daemon.kill('SIGTERM');
    await ended;
  }
}, 60_000);
