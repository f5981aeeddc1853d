import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import { composeProgram } from '../rig/engine-version.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';

const healthSchema = z.object({
  Status: z.string(),
  FailingStreak: z.number(),
  Log: z.array(z.object({ Start: z.string(), End: z.string(), ExitCode: z.number(), Output: z.string() })),
});

/** Health checks of the sandbox way, from the flag to DNS; what a result means: test/unit/container/health-check.test.ts. */
describe('health checks', { timeout: 120_000 }, () => {
  let host: TestHost;
  let daemon: TestDaemon;
  let directory: string;

  beforeAll(async () => {
    host = await TestHost.create();
    directory = await mkdtemp(join(tmpdir(), 'fairlead-health-'));
    const flags = ['--dataplane', 'linux', '--dns-listen', 'none'];
    daemon = await TestDaemon.start({ namespace: host.path, flags });
    await daemon.ok('network', 'create', 'lan');
    await daemon.ok('run', '-d', '--name', 'asker', '--network', 'lan', 'web', 'sleep', 'infinity');
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const health = async (name: string) => {
    const { text } = await daemon.call('GET', `/containers/${name}/json`);
    return healthSchema.parse(JSON.parse(text).State.Health);
  };
  const becomes = (name: string, status: string) =>
    until(
      `${name} is ${status}`,
      async () => (await health(name)).Status,
      (seen) => seen === status,
      20_000,
    );
  const resolves = async (name: string) =>
    (await daemon.run('fairlead', 'exec', 'asker', 'dig', '+short', '+tries=1', name)).stdout !== '';
  const often = ['--health-interval', '200ms', '--health-retries', '2'];
  const run = (name: string, ...flags: string[]) =>
    daemon.ok('run', '-d', '--name', name, '--network', 'lan', ...flags, 'web', 'sleep', 'infinity');

  it('find a container healthy, unhealthy and healthy again, in inspect, ps, events and DNS', async () => {
    const mark = join(directory, 'well');
    await writeFile(mark, '');
    const since = new Date().toISOString();
    await run('sick', '--health-cmd', `echo checked; test -e ${mark}`, ...often);
    expect(['starting', 'healthy']).toContain((await health('sick')).Status);
    await becomes('sick', 'healthy');
    expect(await daemon.ok('ps', '--filter', 'health=healthy', '--format', '{{.Names}} {{.Status}}')).toMatch(
      /^sick Up .* \(healthy\)$/,
    );
    expect(await resolves('sick')).toBe(true);
    await rm(mark);
    await becomes('sick', 'unhealthy');
    const { FailingStreak, Log } = await health('sick');
    expect(FailingStreak).toBeGreaterThanOrEqual(2);
    expect(Log.at(-1)).toMatchObject({ ExitCode: 1, Output: 'checked\n' });
    expect(await resolves('sick')).toBe(false);
    await until(
      'five of its checks are kept',
      async () => (await health('sick')).Log.length,
      (n) => n === 5,
    );
    await writeFile(mark, '');
    await becomes('sick', 'healthy');
    expect((await health('sick')).FailingStreak).toBe(0);
    expect(await resolves('sick')).toBe(true);
    const events = await daemon.ok(
      ...['events', '--since', since, '--until', new Date().toISOString()],
      ...['--filter', 'container=sick', '--format', '{{.Action}}'],
    );
    expect(events.split('\n').filter((action) => action.startsWith('health_status'))).toEqual([
      'health_status: healthy',
      'health_status: unhealthy',
      'health_status: healthy',
    ]);
  });

  it('leave a container its names while it starts, so that a check can ask for them', async () => {
    await run('self', '--health-cmd', 'dig +short +tries=1 self | grep -q .', ...often);
    await becomes('self', 'healthy');
  });

  it('that hang are killed, with all that they have started', async () => {
    const nap = '987654.25';
    await run(
      'hung',
      '--health-cmd',
      `echo begun; sleep ${nap} & sleep ${nap}; true`,
      '--health-timeout',
      '300ms',
      ...often,
    );
    await becomes('hung', 'unhealthy');
    const [first] = (await health('hung')).Log;
    expect(first).toMatchObject({ ExitCode: -1, Output: 'Health check exceeded timeout (300ms): begun\n' });
    await until(
      'five have hung',
      async () => (await health('hung')).Log.length,
      (n) => n === 5,
    );
    // Those of one check at most, which may be running just now.
    const { stdout } = await runToEnd(['pgrep', '-fc', `^sleep ${nap}`]);
    expect(Number(stdout)).toBeLessThanOrEqual(2);
    await daemon.ok('rm', '-f', 'hung');
  });

  it('end with the container, and begin anew with the next start', async () => {
    const count = join(directory, 'count');
    await run('counted', '--health-cmd', `echo >> ${count}`, ...often);
    await becomes('counted', 'healthy');
    await daemon.ok('stop', '-t', '0', 'counted');
    expect((await health('counted')).Status).toBe('unhealthy');
    await rm(count);
    await daemon.ok('start', 'counted');
    await becomes('counted', 'healthy');
    await daemon.ok('stop', '-t', '0', 'counted');
    await rm(count);
    // Longer than an interval: a check that went on would have written it again.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect((await runToEnd(['test', '-e', count])).code).toBe(1);
  });

  it('go on after a restart of the daemon, which takes nobody’s name away', async () => {
    const mark = join(directory, 'kept');
    await writeFile(mark, '');
    await run('kept', '--health-cmd', `test -e ${mark}`, ...often);
    await becomes('kept', 'healthy');
    await daemon.kill('SIGTERM');
    await daemon.start();
    expect((await health('kept')).Status).toBe('healthy');
    expect(await resolves('kept')).toBe(true);
    await rm(mark);
    await becomes('kept', 'unhealthy');
  });

  it('are waited for by docker-compose', async () => {
    const file = join(directory, 'compose.yaml');
    const well = join(directory, 'db-well');
    await writeFile(
      file,
      `services:
  db:
    image: web
    command: ["sleep", "infinity"]
    healthcheck: { test: ["CMD", "test", "-e", "${well}"], interval: 200ms, retries: 100 }
  app:
    image: web
    command: ["sleep", "infinity"]
    depends_on: { db: { condition: service_healthy } }
`,
    );
    const env = { ...process.env, DOCKER_HOST: daemon.host, DOCKER_CONFIG: directory };
    const compose = (...words: string[]) =>
      runToEnd([composeProgram, '-f', file, '-p', 'health', ...words], env);
    const up = compose('up', '-d');
    await until('db runs', async () =>
      (await daemon.ok('ps', '--format', '{{.Names}}')).includes('health-db-1'),
    );
    expect(await daemon.ok('ps', '--format', '{{.Names}}')).not.toContain('health-app-1');
    await writeFile(well, '');
    const { code, stderr } = await up;
    expect(stderr).toContain('Healthy');
    expect(code).toBe(0);
    expect(await daemon.ok('ps', '--format', '{{.Names}}')).toContain('health-app-1');
    await compose('down', '-t', '0');
  });

  it.each([
    [{ Interval: 10 }, 'Interval in Healthcheck cannot be less than 1ms'],
    [{ Retries: -1 }, 'Retries in Healthcheck cannot be negative'],
  ])('%j is refused', async (Healthcheck, message) => {
    const { status, text } = await daemon.call('POST', '/containers/create', { Image: 'web', Healthcheck });
    expect([status, JSON.parse(text).message]).toEqual([400, message]);
  });
});
