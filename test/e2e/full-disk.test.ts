import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId, shortId } from '../../src/lib/ids.ts';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { patience } from '../rig/patience.ts';
import { until } from '../rig/until.ts';

const refusal = 'state.journal: no space left on the device';
/** What each answer may take on the full disk, in milliseconds. */
const answerMs = 3_000 * patience;

/** A data root of 3 MB that a container's log fills; the daemon is killed and started on it. */
describe('a full disk', () => {
  const root = mkdtempSync(join(tmpdir(), 'fairlead-full-'));
  let host: TestHost;
  let daemon: TestDaemon;

  beforeAll(async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'none', root]);
    host = await TestHost.create();
    daemon = await TestDaemon.start({
      dataRoot: root,
      namespace: host.path,
      flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
    });
    await daemon.ok('network', 'create', 'foo');
    await daemon.ok('run', '-d', '--name', 'quiet', '--net', 'foo', 'x', 'sleep', '3600');
    const fill = 'i=0; while :; do echo $((i=i+1)) $(printf %01000d 0); [ $i -lt 4000 ] || sleep 0.2; done';
    await daemon.ok(
      'run',
      '-d',
      '--restart',
      'always',
      '--name',
      'loud',
      '--net',
      'foo',
      'x',
      'sh',
      '-c',
      fill,
    );
    await until(
      'the disk is full',
      () => statfs(root),
      ({ bavail }) => bavail === 0,
      60_000,
    );
    await daemon.kill();
    await daemon.start();
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]().catch(() => {});
    await host[Symbol.asyncDispose]();
    execFileSync('umount', [root]);
    rmdirSync(root);
  });

  async function timed(...words: string[]) {
    const begun = performance.now();
    const ran = await daemon.run('fairlead', ...words);
    return { ...ran, isInTime: performance.now() - begun < answerMs };
  }

  it('lets the daemon start, which says so', async () => {
    expect(daemon.output).toContain('degraded: no space in the data root');
    expect(await daemon.ok('info')).toContain('Store: embedded (degraded: no space)');
    const doctor = await daemon.run('fairlead', 'doctor');
    expect(doctor).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('store embedded is: degraded: no space'),
    });
    expect((await daemon.call('GET', '/metrics')).text).toContain(
      'fairlead_store_degraded{store="embedded"} 1',
    );
  });

  it('leaves what is there to be read', async () => {
    const ps = await timed('ps', '--format', '{{.Names}}');
    expect(ps).toMatchObject({ code: 0, stdout: 'loud\nquiet\n', isInTime: true });
    const logs = await timed('logs', '--tail', '3', 'loud');
    expect(logs).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+ 0+\n/), isInTime: true });
    expect(await timed('inspect', 'quiet')).toMatchObject({ code: 0, isInTime: true });
    expect(await timed('exec', 'quiet', 'true')).toMatchObject({ code: 0, isInTime: true });
  });

  it('refuses what needs room in one line, once what was kept free is used up', async () => {
    const fillers = [
      () => daemon.call('POST', '/containers/create', { Image: 'x', Labels: { big: 'x'.repeat(20_000) } }),
      () => daemon.call('POST', '/containers/create', { Image: 'x' }),
      () => daemon.call('POST', '/networks/create', { Name: shortId(newId()) }),
    ];
    for (const create of fillers) {
      const { status, text } = await until('it is refused', create, (answer) => answer.status !== 201);
      expect({ status, text }).toEqual({ status: 503, text: expect.stringContaining(refusal) });
    }
    for (const words of [
      ['network', 'create', 'bar'],
      ['create', '--name', 'more', 'x', 'sleep', '1'],
      ['run', '-d', '--name', 'more', '--net', 'foo', 'x', 'sleep', '1'],
      ['service', 'publish', 'db.foo'],
      ['network', 'connect', 'bridge', 'quiet'],
    ]) {
      const { code, stdout, stderr, isInTime } = await timed(...words);
      expect({ code: code !== 0, stdout, isInTime }, words.join(' ')).toEqual({
        code: true,
        stdout: '',
        isInTime: true,
      });
      expect(stderr, words.join(' ')).toMatch(
        /^Error response from daemon: [^\n]+: no space left on the device\n$/,
      );
    }
  });

  it('lets it start once more, with a lease that it needs anew', async () => {
    await daemon.kill();
    await daemon.start('--lease-ttl', '20s');
    expect(await timed('exec', 'quiet', 'true')).toMatchObject({ code: 0, isInTime: true });
  });

  it('lets things be removed, and has all well by itself when there is room', async () => {
    expect(await timed('rm', '-f', 'loud')).toEqual({
      code: 0,
      stdout: 'loud\n',
      stderr: '',
      isInTime: true,
    });
    expect(await daemon.ok('ps', '--format', '{{.Names}}')).toBe('quiet');
    await until(
      'it is said',
      () => daemon.output,
      (output) => output.includes('has room again'),
    );
    expect(await daemon.ok('info')).toContain('Store: embedded (reachable)');
    await daemon.ok('run', '-d', '--name', 'more', '--net', 'foo', 'x', 'sleep', '3600');
    expect((await daemon.run('fairlead', 'exec', 'more', 'ping', '-c1', '-W1', 'quiet')).code).toBe(0);
    expect((await daemon.run('fairlead', 'doctor')).stdout).toMatch(/^\d+ checked, all as it should be\n$/);
    expect(daemon.output).not.toMatch(/\n\s+at /);
  });
});
