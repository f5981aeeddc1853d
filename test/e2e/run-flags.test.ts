import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { create } from '../../src/cli/commands/container/create/create.ts';
import { run } from '../../src/cli/commands/container/create/run.ts';
import { type Ran, runToEnd, TestDaemon } from '../rig/daemon.ts';
import { dockerCli } from '../rig/engine-version.ts';

/** Our `run` and `create` beside those of Docker's CLI 28.5: the same flags, and the same container from each. */
describe('the flags of docker run', () => {
  let daemon: TestDaemon;
  let directory: string;

  beforeAll(async () => {
    daemon = await TestDaemon.start({ flags: ['--dataplane', 'simulated', '--dns-listen', 'none'] });
    directory = await mkdtemp(join(tmpdir(), 'fairlead-flags-'));
    await writeFile(join(directory, 'labels'), '# a comment\nfrom=file\n\nboth=file\n');
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const real = (...words: readonly string[]): Promise<Ran> =>
    runToEnd([dockerCli['28.5'], '-H', daemon.host, ...words], { ...process.env, DOCKER_CONFIG: directory });
  const ours = (...words: readonly string[]): Promise<Ran> => daemon.run('docker', ...words);

  it.each([
    ['run', run],
    ['create', create],
  ] as const)('%s knows all of them', async (name, command) => {
    const { flags } = command.text;
    const { stdout } = await real(name, '--help');
    const named = [...stdout.matchAll(/^ +(?:-(\w), )?--([\w-]+)/gm)].filter(([, , flag]) => flag !== 'help');
    expect(named.length).toBeGreaterThan(90);
    const known: Readonly<Record<string, { readonly short?: string; readonly hidden?: boolean }>> = flags;
    const missing = named.filter(([, short, flag = '']) => {
      const found = known[flag];
      return !found || found.short !== short;
    });
    expect(missing.map(([line]) => line.trim())).toEqual([]);
  });

  /** What makes a container; each is given to either program, and their containers are compared. */
  const accepted: readonly (readonly string[])[] = [
    ['--annotation', 'a=b', '--annotation', 'c=d'],
    ['--blkio-weight', '300', '--blkio-weight-device', '/dev/sda:400', '--cgroup-parent', 'x'],
    ['--cpu-period', '100000', '--cpu-quota', '50000', '--cpu-rt-period', '1000', '--cpu-rt-runtime', '900'],
    ['-c', '512', '--cpuset-cpus', '0', '--cpuset-mems', '0'],
    ['--cpus', '1.5', '-m', '64m', '--memory-reservation', '32m', '--memory-swap', '-1'],
    ['--memory-swappiness', '10', '--oom-kill-disable', '--oom-score-adj', '100', '--pids-limit', '20'],
    ['--device-read-bps', '/dev/sda:1mb', '--device-read-iops', '/dev/sda:100'],
    ['--device-write-bps', '/dev/sda:2kb', '--device-write-iops', '/dev/sda:200'],
    ['--init', '--isolation', 'default'],
    ['--log-driver', 'json-file', '--log-opt', 'max-size=10m', '--log-opt', 'max-file=3'],
    ['--health-cmd', 'true', '--health-interval', '1m30s', '--health-retries', '2'],
    ['--health-cmd', 'curl -f http://x', '--health-timeout', '500ms', '--health-start-period', '1h'],
    ['--health-cmd', 'true', '--health-start-interval', '1.5s'],
    ['--no-healthcheck'],
    ['--pull', 'never', '-q', '--platform', 'linux/amd64', '--disable-content-trust'],
    ['--cap-add', 'NET_ADMIN', '--cap-drop', 'ALL', '--privileged', '--read-only', '--shm-size', '8m'],
    ['--mount', 'type=tmpfs,dst=/scratch', '--tmpfs', '/t:size=1m', '--sysctl', 'net.ipv4.ip_forward=1'],
    ['--runtime', 'runc', '--volume-driver', 'local', '--ulimit', 'nofile=10:20', '--group-add', '5'],
    ['--stop-signal', 'SIGINT', '--stop-timeout', '3', '--restart', 'on-failure:2', '--domainname', 'd'],
    ['-a', 'stdout', '-a', 'STDERR'],
    ...['02-42-0A-46-00-65', '0242.0a46.0065', '02:42:0A:46:00:65'].map((mac) => ['--mac-address', mac]),
  ];

  it.each(accepted.map((flags) => ({ line: flags.join(' '), flags })))(
    '$line makes the same container',
    async ({ flags }) => {
      const [theirs, mine] = [await real('create', ...flags, 'web'), await ours('create', ...flags, 'web')];
      expect(mine.stderr).toBe(theirs.stderr);
      expect([mine.code, theirs.code]).toEqual([0, 0]);
      const [a, b] = [await recordOf(theirs.stdout), await recordOf(mine.stdout)];
      expect(b).toEqual(a);
    },
  );

  async function recordOf(id: string): Promise<unknown> {
    const { text } = await daemon.call('GET', `/containers/${id.trim()}/json`);
    const { Config, HostConfig }: Record<string, Record<string, unknown>> = JSON.parse(text);
    return { Config: { ...Config, Hostname: '' }, HostConfig };
  }

  it('link-local addresses and files of labels go where Docker puts them', async () => {
    await daemon.ok('network', 'create', 'lan');
    const labels = ['--label-file', join(directory, 'labels'), '--label', 'both=flag'];
    const flags = ['--network', 'lan', '--link-local-ip', '169.254.7.7', ...labels];
    for (const make of [real, ours]) {
      const { stdout, stderr } = await make('create', ...flags, 'web');
      expect(stderr).toBe('');
      const { text } = await daemon.call('GET', `/containers/${stdout.trim()}/json`);
      const { Config, NetworkSettings } = JSON.parse(text);
      expect(Config.Labels).toEqual({ from: 'file', both: 'flag' });
      expect(NetworkSettings.Networks.lan.IPAMConfig).toEqual({ LinkLocalIPs: ['169.254.7.7'] });
    }
  });

  it('--cidfile is written, and an old one is in the way', async () => {
    const file = join(directory, 'cid');
    const { stdout } = await ours('run', '-d', '--cidfile', file, 'web');
    expect(await readFile(file, 'utf8')).toBe(stdout.trim());
    const [theirs, mine] = [
      await real('run', '-d', '--cidfile', file, 'web'),
      await ours('run', '-d', '--cidfile', file, 'web'),
    ];
    expect(mine.code).toBe(theirs.code);
    expect(mine.stderr).toContain(
      `container ID file found, make sure the other container isn't running or delete ${file}`,
    );
  });

  it.each([
    ['--no-healthcheck', '--health-cmd', 'x'],
    ['--health-interval=5'],
    ['--health-interval=-5s'],
    ['--health-retries=-1'],
    ['--memory-swappiness=101'],
    ['--log-driver=none', '--log-opt=a=b'],
    ['--pull=sometimes'],
    ['-d', '-a', 'stdout'],
    ['-a', 'stdwhat'],
    ['--device-read-bps=sda:1'],
    ['--gpus=many'],
    ['--mac-address=zz'],
    ['--storage-opt=x'],
    ['--cpu-count=1', '--io-maxiops=10'],
  ])('%s %s %s is refused in Docker’s words', async (...flags) => {
    const [theirs, mine] = [await real('run', ...flags, 'web'), await ours('run', ...flags, 'web')];
    expect(theirs.code).not.toBe(0);
    expect(mine.code).toBe(theirs.code);
    expect(firstLine(mine.stderr)).toBe(firstLine(theirs.stderr));
  });

  const firstLine = (text: string) =>
    (text.split('\n')[0] ?? '').replace(/^docker: /, '').replace(/\. See 'docker run --help'\.$/, '');
});
