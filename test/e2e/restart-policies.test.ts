import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';

/** `--restart` with real programs that end. */
describe('restart policies', () => {
  let host: TestHost;
  let daemon: TestDaemon;

  beforeAll(async () => {
    host = await TestHost.create();
    const flags = ['--dataplane', 'linux', '--dns-listen', 'none'];
    daemon = await TestDaemon.start({ namespace: host.path, flags });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const run = (name: string, policy: string, script: string) =>
    daemon.ok('run', '-d', '--name', name, '--restart', policy, 'x', 'sh', '-c', script);
  const look = async (name: string) => {
    const format = '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}';
    const [status = '', restarts = '', code = ''] = (await daemon.ok('inspect', '-f', format, name)).split(
      ' ',
    );
    return { status, restarts: Number(restarts), code: Number(code) };
  };

  it('on-failure:n tries n times, with growing pauses, then gives up', async () => {
    const begun = Date.now();
    await run('fails', 'on-failure:3', 'exit 4');
    const last = await until(
      'three restarts',
      () => look('fails'),
      ({ status, restarts }) => status === 'exited' && restarts === 3,
    );
    expect(last.code).toBe(4);
    // 100, 200 and 400 ms.
    expect(Date.now() - begun).toBeGreaterThan(700);
  });

  it('on-failure leaves one that succeeded alone; always does not', async () => {
    await run('done', 'on-failure', 'exit 0');
    await run('again', 'always', 'exit 0');
    await until(
      'always goes on',
      () => look('again'),
      ({ restarts }) => restarts >= 2,
    );
    expect(await look('done')).toEqual({ status: 'exited', restarts: 0, code: 0 });
    const shown = await until(
      'between two starts',
      () => daemon.ok('ps', '-a', '--format', '{{.Status}}', '--filter', 'name=again'),
      (text) => text.startsWith('Restarting (0)'),
    );
    expect(shown).toMatch(/^Restarting \(0\) .* ago$/);
  });

  it('what a person stopped stays stopped, also while it is about to be started again', async () => {
    await daemon.ok('stop', 'again');
    await until(
      'stopped',
      () => look('again'),
      ({ status }) => status === 'exited',
    );
    const { restarts } = await look('again');
    await run('killed', 'unless-stopped', 'sleep 600');
    await daemon.ok('kill', 'killed');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await look('killed')).toEqual({ status: 'exited', restarts: 0, code: 137 });
    expect((await look('again')).restarts).toBe(restarts);
  });

  it('begins again with the daemon: what ended meanwhile, and of the stopped ones those with always', async () => {
    await run('killed-meanwhile', 'unless-stopped', 'sleep 600');
    const pid = Number(await daemon.ok('inspect', '-f', '{{.State.Pid}}', 'killed-meanwhile'));
    await daemon.kill('SIGKILL');
    process.kill(pid, 'SIGKILL');
    await daemon.start();
    await until(
      'started again',
      () => look('killed-meanwhile'),
      ({ status }) => status === 'running',
    );
    await until(
      'always is always',
      () => look('again'),
      ({ restarts }) => restarts > 0,
    );
    expect((await look('killed')).status).toBe('exited');
    expect((await look('done')).status).toBe('exited');
  });

  it('is refused with --rm, and with a name that is none', async () => {
    const create = (RestartPolicy: object, AutoRemove = false) =>
      daemon.call('POST', '/containers/create', { Image: 'x', HostConfig: { RestartPolicy, AutoRemove } });
    expect(await create({ Name: 'always' }, true)).toMatchObject({
      status: 400,
      text: `{"message":"can't create 'AutoRemove' container with restart policy"}\n`,
    });
    expect((await create({ Name: 'sometimes' })).text).toBe(
      `{"message":"invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"}\n`,
    );
    expect((await create({ Name: 'always', MaximumRetryCount: 2 })).text).toBe(
      `{"message":"invalid restart policy: maximum retry count can only be used with 'on-failure'"}\n`,
    );
  });
});
