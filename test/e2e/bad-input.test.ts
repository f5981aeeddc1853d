import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

/** One clear line on stderr and the right exit code, for everything a person can get wrong. */
const nobody = 65534;

describe('bad input to commands', () => {
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await TestDaemon.start({
      flags: ['--dataplane', 'simulated', '--dns-listen', 'none', '--node-name', 'h1'],
    });
    await daemon.ok('network', 'create', 'foo');
    await daemon.ok('run', '-d', '--name', 'c1', '--net', 'foo', 'x');
    await daemon.ok('run', '-d', '--name', 'c2', '--net', 'foo', 'x');
    await daemon.ok('service', 'publish', 'db.foo');
    await daemon.ok('service', 'attach', 'c1', 'db.foo');
    await daemon.ok('service', 'publish', 'idle.foo');
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  const long = 'x'.repeat(64);
  function quoted(text: string): string {
    return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  }

  it.each<[string, string[], string | RegExp]>([
    ['empty network name', ['network', 'create', ' '], 'invalid name: name is empty'],
    ['duplicate network', ['network', 'create', 'foo'], 'network with name foo already exists'],
    ['bad service name', ['service', 'publish', 'a b.foo'], /invalid service name "a b": use letters/],
    [
      'duplicate service',
      ['service', 'publish', 'db.foo'],
      'service with name db already exists on network foo',
    ],
    [
      'duplicate container',
      ['create', '--name', 'c1', 'x'],
      /Conflict. The container name "\/c1" is already in use/,
    ],
    ['unknown network', ['network', 'rm', 'nope'], 'network nope not found'],
    ['unknown network of a service', ['service', 'publish', 's.nope'], 'Network nope does not exist'],
    ['unknown service', ['service', 'info', 'nope.foo'], 'Service nope not found on network foo'],
    ['unknown container', ['service', 'attach', 'nope', 'idle.foo'], 'No such container: nope'],
    [
      'attach to a service that has a provider',
      ['service', 'attach', 'c2', 'db.foo'],
      /a container has already joined the endpoint of service db: c1 \([0-9a-f]{12}\); detach it first/,
    ],
    [
      'attach twice',
      ['service', 'attach', 'c1', 'db.foo'],
      'container c1 is already attached to service db on network foo',
    ],
    [
      'detach of what is not attached',
      ['service', 'detach', 'c2', 'db.foo'],
      /container c2 is not attached to service db on network foo/,
    ],
    [
      'unpublish with a provider',
      ['service', 'unpublish', 'db.foo'],
      /service with name db id [0-9a-f]{64} has active containers \(c1 [0-9a-f]{12}\); detach first, or use -f/,
    ],
    [
      'rm of a network in use',
      ['network', 'rm', 'foo'],
      /network foo has active endpoints \(service db; service idle; container c1 [0-9a-f]{12} on h1; container c1 [0-9a-f]{12} on h1; container c2 [0-9a-f]{12} on h1\)|network foo has active endpoints \(.*service db.*\)/,
    ],
    [
      'rm of a predefined network',
      ['network', 'rm', 'bridge'],
      'bridge is a pre-defined network and cannot be removed',
    ],
    [
      'label over 63 characters',
      ['service', 'publish', `${long}.foo`],
      /the label "xxxxxxxxxxxx…" is longer than 63 characters/,
    ],
    [
      'subnet that does not parse',
      ['network', 'create', '--subnet', 'zz', 'n1'],
      /invalid subnet zz|Invalid subnet zz|invalid CIDR/i,
    ],
    [
      'subnet that overlaps',
      ['network', 'create', '--subnet', '172.18.5.0/24', 'n1'],
      /172\.18\.5\.0\/24 overlaps 172\.18\.0\.0\/16 of network foo/,
    ],
    [
      'rm of a running container',
      ['rm', 'c1'],
      /container is running: stop the container before removing or force remove/,
    ],
    [
      'two options at odds',
      ['run', '-d', '--net', 'foo', '--publish-service', 's.foo', 'x'],
      /conflicting options: publishing a service and network mode/,
    ],
  ])('%s', async (_, words, expected) => {
    const { code, stderr } = await daemon.run('fairlead', ...words);
    const own = stderr.split('\n').filter((line) => line.includes('Error response from daemon'));
    expect(own).toHaveLength(1);
    expect(stderr).toMatch(typeof expected === 'string' ? daemonSaysIn(expected) : expected);
    expect(code).toBe(words[0] === 'run' ? 125 : 1);
  });

  function daemonSaysIn(text: string): RegExp {
    return new RegExp(`Error response from daemon: ${quoted(text)}\\n`);
  }

  it('an ambiguous id prefix lists the candidates', async () => {
    const names = Array.from({ length: 17 }, (_, i) => `amb${i}`);
    for (const [i, name] of names.entries())
      await daemon.ok('network', 'create', '--subnet', `10.50.${i}.0/24`, name);
    const ids = (await daemon.ok('network', 'ls', '-q', '--no-trunc')).split('\n');
    const prefix = ids.map((id) => id.charAt(0)).find((digit, i, all) => all.indexOf(digit) !== i) ?? '';
    const { code, stderr } = await daemon.run('fairlead', 'network', 'info', prefix);
    expect(code).toBe(1);
    const candidates = ids.filter((id) => id.startsWith(prefix)).map((id) => id.slice(0, 12));
    expect(stderr).toContain(
      `network ${prefix} is ambiguous (${candidates.length} matches found based on ID prefix): `,
    );
    for (const candidate of candidates) expect(stderr).toContain(candidate);
    await daemon.ok('network', 'rm', ...names);
  });

  it('a pool that is exhausted says which pools collide with what', async () => {
    await using small = await TestDaemon.start({
      flags: [
        '--dataplane',
        'simulated',
        '--dns-listen',
        'none',
        '--default-address-pool',
        'base=172.30.0.0/16,size=16',
      ],
    });
    const { code, stderr } = await small.run('fairlead', 'network', 'create', 'more');
    expect(code).toBe(1);
    expect(stderr).toBe(
      'Error response from daemon: could not find an available, non-overlapping IPv4 address pool among the ' +
        'defaults to assign to the network; tried 172.30.0.0/16 (network bridge); name one with --subnet\n',
    );
  });

  it.each([
    ['an unknown flag', ['network', 'ls', '--bogus'], 125],
    ['too few arguments', ['network', 'create'], 1],
    ['an unknown command', ['network', 'bogus'], 1],
  ])('%s is a usage error', async (_, words, code) => {
    const ran = await daemon.run('fairlead', ...words);
    expect([ran.code === 125 || ran.code === code, ran.stderr.length > 0]).toEqual([true, true]);
  });
});

describe('a daemon that cannot be reached or started', () => {
  const cli = (env: NodeJS.ProcessEnv, ...words: string[]) =>
    runToEnd([process.execPath, 'dist/bin/fairlead', ...words], { PATH: process.env.PATH, ...env });
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'));
    await chmod(folder, 0o755);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('not running', async () => {
    const ran = await cli({ FAIRLEAD_HOST: `unix://${folder}/none.sock` }, 'network', 'ls');
    expect(ran).toEqual({
      code: 1,
      stdout: '',
      stderr: `Cannot connect to the Fairlead daemon at unix://${folder}/none.sock. Is the daemon running? Start it with: fairlead daemon\n`,
    });
  });

  it('no permission on the socket', async () => {
    await using daemon = await TestDaemon.start({
      flags: ['--dataplane', 'simulated', '--dns-listen', 'none'],
    });
    await chmod(daemon.dataRoot, 0o755);
    const words = [
      'setpriv',
      `--reuid=${nobody}`,
      `--regid=${nobody}`,
      '--clear-groups',
      process.execPath,
      'dist/bin/fairlead',
      'network',
      'ls',
    ];
    const { code, stderr } = await runToEnd(words, { PATH: process.env.PATH, FAIRLEAD_HOST: daemon.host });
    expect([code, stderr.trimEnd().split('\n').length]).toEqual([1, 1]);
    expect(stderr).toMatch(/permission denied/i);
  });

  const start = (...flags: string[]) => [
    process.execPath,
    'dist/bin/fairlead',
    'daemon',
    '-H',
    `unix://${folder}/d.sock`,
    ...flags,
  ];
  const unprivileged = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
  const oneLine = (stderr: string) =>
    stderr
      .trimEnd()
      .split('\n')
      .filter((line) => !line.startsWith('{'));

  it('data root not writable', async () => {
    const { code, stderr } = await runToEnd(
      [...unprivileged, ...start('--data-root', '/etc/fairlead-nowhere')],
      {
        PATH: process.env.PATH,
      },
    );
    expect(code).not.toBe(0);
    expect(oneLine(stderr)).toHaveLength(1);
    expect(stderr).toMatch(
      /data root \/etc\/fairlead-nowhere cannot be used: .*; name another with --data-root/,
    );
  });

  it('--dataplane linux without root', async () => {
    const root = join(folder, 'nobodys');
    await mkdir(root, { mode: 0o777 });
    await chmod(root, 0o777);
    const { code, stderr } = await runToEnd(
      [...unprivileged, ...start('--data-root', root, '--dataplane', 'linux')],
      { PATH: process.env.PATH },
    );
    expect(code).not.toBe(0);
    expect(oneLine(stderr)).toHaveLength(1);
    expect(stderr).toMatch(/--dataplane linux: it needs root/);
  });

  it('--default-network with a driver that nothing has', async () => {
    const { code, stderr } = await runToEnd(
      start('--data-root', join(folder, 'y'), '--default-network=brige:foo'),
      { PATH: process.env.PATH },
    );
    expect(code).toBe(1);
    expect(oneLine(stderr)).toHaveLength(1);
    expect(stderr).toMatch(
      /network brige:foo: there is no driver "brige": expected bridge, .*overlay.* or an installed plugin/,
    );
  });

  it.each([
    ['--default-network', 'bridge', /must be of the form NETWORKDRIVER:NETWORKNAME/],
    [
      '--kv-store',
      'redis:localhost:6379',
      /unknown kv store provider "redis": use one of consul, etcd, zookeeper/,
    ],
    ['--dns-ttl', '-1', /expected a whole number from 0 to 86400/],
    ['--dataplane', 'magic', /expected auto, linux or simulated/],
  ])('%s %s', async (flag, value, expected) => {
    const { code, stderr } = await runToEnd(start('--data-root', join(folder, 'x'), `${flag}=${value}`), {
      PATH: process.env.PATH,
    });
    expect(code).toBe(125);
    expect(stderr).toMatch(expected);
  });

  it.each(['ip', 'nft'])('%s missing: falls back to simulated mode and reports it', async (missing) => {
    const path = join(folder, `without-${missing}`);
    await mkdir(path);
    for (const tool of ['ip', 'nft', 'nsenter', 'ping', 'unshare'].filter((name) => name !== missing)) {
      const { stdout } = await runToEnd(['sh', '-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`]);
      await symlink(stdout.trim(), join(path, tool));
    }
    await using daemon = await TestDaemon.start({ path, flags: ['--dns-listen', 'none'] });
    const lacking = missing === 'ip' ? 'iproute2' : 'nftables';
    expect(daemon.output).toMatch(
      new RegExp(`simulated mode \\(no packets will move: .*install ${lacking}\\)`),
    );
  });
});

describe('port 53 taken', () => {
  it('containers start all the same, and DNS says that it is degraded', async () => {
    await using host = await TestHost.create();
    // A resolver of the host's that took port 53 of every address.
    const squatter = runToEnd([
      'nsenter',
      `--net=${host.path}`,
      'timeout',
      '20',
      'dnsmasq',
      '--no-daemon',
      '--conf-file=/dev/null',
      '--port=53',
      '--no-resolv',
      '--no-hosts',
      '--pid-file',
    ]);
    {
      await using daemon = await TestDaemon.start({
        namespace: host.path,
        flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
      });
      await daemon.ok('network', 'create', 'foo');
      await daemon.ok('run', '-d', '--name', 'c1', '--net', 'foo', 'x');
      const info = await daemon.ok('info', '--format', '{{json .Fairlead.dns}}');
      expect(info).toMatch(
        /"state":"degraded","reason":"[^"]*EADDRINUSE|"state":"degraded","reason":"[^"]*in use/,
      );
      expect(await daemon.ok('info')).toMatch(/degraded/i);
    }
    await host
      .run('sh', '-c', 'kill $(ss -lunpH "sport = 53" | grep -o "pid=[0-9]*" | head -1 | cut -d= -f2)')
      .catch(() => '');
    await squatter;
  });
});
