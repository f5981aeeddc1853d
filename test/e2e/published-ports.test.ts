import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TestDaemon } from '../rig/daemon.ts';
import { ask, Echo, SteadyClient } from '../rig/echo.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';

/** `-p` with a whole daemon, from the flag to the packet; the kernel's part alone: dataplane-ports.test.ts. */
describe('published ports', () => {
  let host: TestHost;
  let outside: TestHost;
  let daemon: TestDaemon;
  const echoes: Echo[] = [];

  beforeAll(async () => {
    host = await TestHost.create();
    outside = await TestHost.create();
    await host.wire({ device: 'up0', address: '192.0.2.1/24' }, outside, {
      device: 'up0',
      address: '192.0.2.2/24',
    });
    await host.run('ip', 'addr', 'add', '2001:db8::1/64', 'dev', 'up0', 'nodad');
    await outside.run('ip', 'addr', 'add', '2001:db8::2/64', 'dev', 'up0', 'nodad');
    const flags = ['--dataplane', 'linux', '--dns-listen', 'none'];
    daemon = await TestDaemon.start({ namespace: host.path, flags });
  });

  afterAll(async () => {
    for (const echo of echoes) await echo[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  /** Starts a container that answers on port 80. */
  async function web(name: string, ...flags: string[]): Promise<void> {
    await daemon.ok('run', '-d', '--name', name, ...flags, 'web');
    await serve(name);
  }

  async function serve(name: string): Promise<void> {
    const { stdout } = await daemon.inHost('ip', 'netns', 'list');
    const id = await daemon.ok('inspect', '-f', '{{.Id}}', name);
    const namespace = stdout.split('\n').find((line) => line.includes(id.slice(0, 12)));
    echoes.push(await Echo.start(`/run/netns/${namespace?.split(' ')[0]}`, 80, name));
  }

  const sees = async (at: TestHost, address: string, port: number) => {
    const [tcp, udp] = await Promise.all([
      ask(at.path, 'tcp', address, port),
      ask(at.path, 'udp', address, port),
    ]);
    return { tcp, udp };
  };
  const both = (said: string) => ({ tcp: said, udp: said });

  it('is reached from outside, from the host and its loopback, and says where', async () => {
    await web('w1', '-p', '8080:80', '-p', '8080:80/udp');
    expect(await daemon.ok('port', 'w1')).toBe(
      '80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n80/udp -> 0.0.0.0:8080\n80/udp -> [::]:8080',
    );
    expect(await daemon.ok('port', 'w1', '80')).toBe('0.0.0.0:8080\n[::]:8080');
    expect(await sees(outside, '192.0.2.1', 8080)).toEqual(both('w1 192.0.2.2'));
    expect(await sees(host, '192.0.2.1', 8080)).toEqual(both('w1 192.0.2.1'));
    expect(await sees(host, '127.0.0.1', 8080)).toEqual(both('w1 172.17.0.1'));
    // The container has no IPv6: the relay stands in.
    expect(await sees(host, '::1', 8080)).toEqual(both('w1 172.17.0.1'));
    expect(await sees(outside, '2001:db8::1', 8080)).toEqual(both('w1 172.17.0.1'));
    const { stdout } = await daemon.run('docker', 'ps', '--format', '{{.Ports}}');
    expect(stdout).toBe('0.0.0.0:8080->80/tcp, 0.0.0.0:8080->80/udp, [::]:8080->80/tcp, [::]:8080->80/udp\n');
  });

  it('refuses a port that is taken, in Docker’s words, and leaves nothing of the container running', async () => {
    const clash = await daemon.run('fairlead', 'run', '-d', '--name', 'w2', '-p', '127.0.0.1:8080:80', 'web');
    expect(clash.code).toBe(125);
    expect(clash.stderr).toMatch(
      /driver failed programming external connectivity on endpoint w2 \([0-9a-f]{64}\): Bind for 127\.0\.0\.1:8080 failed: port is already allocated\n/,
    );
    expect(await daemon.ok('ps', '-q', '--filter', 'name=w2')).toBe('');
    await daemon.ok('rm', 'w2');
    await using _program = await Echo.start(host.path, 8090, 'program');
    const held = await daemon.run('fairlead', 'run', '-d', '--name', 'w3', '-p', '8090:80', 'web');
    expect(held.stderr).toContain('listen tcp4 0.0.0.0:8090: bind: address already in use');
    await daemon.ok('rm', 'w3');
  });

  it('keeps programs of the host off', async () => {
    await expect(Echo.start(host.path, 8080, 'thief')).rejects.toThrow('the echo server ended');
  });

  it('is given up at stop, and had again at start', async () => {
    await daemon.ok('stop', 'w1');
    expect(await ask(outside.path, 'tcp', '192.0.2.1', 8080)).toBe('ECONNREFUSED');
    expect(await daemon.ok('port', 'w1')).toBe('');
    await web('w4', '-p', '192.0.2.1:8080:80/udp', '-p', '192.0.2.1:8080:80');
    expect(await sees(outside, '192.0.2.1', 8080)).toEqual(both('w4 192.0.2.2'));
    expect(await ask(host.path, 'tcp', '127.0.0.1', 8080)).toBe('ECONNREFUSED');
    expect((await daemon.run('fairlead', 'start', 'w1')).code).toBe(1);
    await daemon.ok('rm', '-f', 'w4');
    await daemon.ok('start', 'w1');
    await serve('w1');
    expect(await sees(outside, '192.0.2.1', 8080)).toEqual(both('w1 192.0.2.2'));
  });

  it.each([
    ['IPv4', '192.0.2.1', 9000],
    ['IPv6', '2001:db8::1', 9001],
  ])(
    'of UDP is found again after a restart by a client that never pauses, over %s',
    async (family, address, port) => {
      const network = `flows-${family.toLowerCase()}`;
      await daemon.ok('network', 'create', '--ipv6', network);
      const name = `flow-${family.toLowerCase()}`;
      await web(name, '--network', network, '-p', `${port}:80/udp`);
      await using client = SteadyClient.start(outside.path, address, port);
      await until(`${name} answers`, () => client.heard.startsWith(`${name} `));
      await daemon.ok('restart', name);
      client.heard = '';
      await serve(name);
      await until(`${name} answers after the restart`, () => client.heard.startsWith(`${name} `));
      // What met no rule was for the host itself, and is redirected as soon as there is one.
      await daemon.ok('stop', name);
      client.heard = '';
      const onHost = await Echo.start(host.path, port, 'host');
      await until('the host answers', () => client.heard.startsWith('host '));
      await onHost[Symbol.asyncDispose]();
      await daemon.ok('start', name);
      await serve(name);
      await until(`${name} answers after the start`, () => client.heard.startsWith(`${name} `));
      await daemon.ok('rm', '-f', name);
      await daemon.ok('network', 'rm', network);
    },
  );

  it('takes ranges and ephemeral ports', async () => {
    await web('w5', '-p', '7000-7001:80-81', '-p', '80/udp', '--expose', '90', '-P');
    const ports = z
      .record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable())
      .parse(JSON.parse(await daemon.ok('inspect', '-f', '{{json .NetworkSettings.Ports}}', 'w5')));
    expect(Object.keys(ports)).toEqual(['80/tcp', '80/udp', '81/tcp', '90/tcp']);
    expect(ports['81/tcp']).toEqual([
      { HostIp: '0.0.0.0', HostPort: '7001' },
      { HostIp: '::', HostPort: '7001' },
    ]);
    const given = Number(ports['80/udp']?.[0]?.HostPort);
    expect(given).toBeGreaterThanOrEqual(49153);
    expect(await ask(outside.path, 'udp', '192.0.2.1', given)).toBe('w5 192.0.2.2');
    expect(await ask(outside.path, 'tcp', '192.0.2.1', 7000)).toBe('w5 192.0.2.2');
    // One of a range that is free.
    const HostConfig = { PortBindings: { '80/tcp': [{ HostPort: '7000-7005' }] } };
    await daemon.call('POST', '/containers/create?name=w6', { Image: 'web', HostConfig });
    await daemon.ok('start', 'w6');
    expect(await daemon.ok('port', 'w6', '80')).toBe('0.0.0.0:7002\n[::]:7002');
    await daemon.ok('rm', '-f', 'w5', 'w6');
  });

  it('is reached by other containers by the host’s address, and leads to IPv6 where the container has it', async () => {
    await daemon.ok('network', 'create', '--ipv6', '--subnet', 'fd00:5::/64', 'six');
    await web('w7', '--net', 'six', '-p', '8077:80');
    await daemon.ok('run', '-d', '--name', 'other', '--net', 'six', 'web');
    const script = `require('net').connect(+process.argv[2], process.argv[1]).on('data', (d) => console.log(String(d))).on('error', (e) => console.log(e.code))`;
    const from = (container: string, address: string, port: string) =>
      daemon.ok('exec', container, process.execPath, '-e', script, address, port);
    expect(await from('other', '192.0.2.1', '8080')).toMatch(/^w1 172\.17\.0\.1$/);
    expect(await from('other', '192.0.2.1', '8077')).toMatch(/^w7 172\./);
    expect(await from('other', '2001:db8::1', '8077')).toBe('w7 fd00:5::1');
    expect(await from('w7', '192.0.2.1', '8077')).toMatch(/^w7 172\./);
    expect(await ask(outside.path, 'tcp', '2001:db8::1', 8077)).toBe('w7 2001:db8::2');
    expect(await ask(host.path, 'tcp', '::1', 8077)).toBe('w7 fd00:5::1');
  });

  it('follows the container to the network that has its way out', async () => {
    await daemon.ok('network', 'create', 'next');
    await daemon.ok('network', 'connect', 'next', 'w7');
    await daemon.ok('network', 'disconnect', 'six', 'w7');
    expect(await ask(outside.path, 'tcp', '192.0.2.1', 8077)).toBe('w7 192.0.2.2');
    expect(await ask(host.path, 'tcp', '127.0.0.1', 8077)).toMatch(/^w7 172\./);
    await daemon.ok('network', 'disconnect', 'next', 'w7');
    expect(await daemon.ok('port', 'w7')).toBe('');
    expect(await ask(outside.path, 'tcp', '192.0.2.1', 8077)).toBe('ECONNREFUSED');
  });

  it('goes on without the daemon, survives its kill -9, and a flushed firewall', async () => {
    await daemon.kill('SIGKILL');
    expect(await sees(outside, '192.0.2.1', 8080)).toEqual(both('w1 192.0.2.2'));
    expect(await ask(host.path, 'tcp', '127.0.0.1', 8080)).toBe('w1 172.17.0.1');
    await host.run('nft', 'flush', 'ruleset');
    await daemon.start();
    expect(await daemon.ok('port', 'w1', '80')).toBe('0.0.0.0:8080\n[::]:8080');
    expect(await sees(outside, '192.0.2.1', 8080)).toEqual(both('w1 192.0.2.2'));
    expect(await ask(host.path, 'tcp', '::1', 8080)).toBe('w1 172.17.0.1');
    await expect(Echo.start(host.path, 8080, 'thief')).rejects.toThrow('the echo server ended');
  });

  it('leaves nothing behind', async () => {
    await daemon.ok('rm', '-f', 'w1', 'w7', 'other');
    const rules = await until(
      'no port in the rules',
      () => host.run('nft', 'list', 'ruleset'),
      (text) => !text.includes('8080'),
    );
    expect(rules).not.toContain('8077');
    await using _free = await Echo.start(host.path, 8080, 'free');
  });
});

describe('published ports in the simulated way', () => {
  it('are records', async () => {
    await using daemon = await TestDaemon.start({
      flags: ['--dataplane', 'simulated', '--dns-listen', 'none'],
    });
    await daemon.ok('run', '-d', '--name', 'w1', '-p', '8080:80', '-p', '127.0.0.1::81/udp', 'web', 'x');
    expect(await daemon.ok('port', 'w1')).toMatch(
      /^80\/tcp -> 0\.0\.0\.0:8080\n80\/tcp -> \[::\]:8080\n81\/udp -> 127\.0\.0\.1:49153$/,
    );
    const clash = await daemon.run('fairlead', 'run', '-d', '-p', '8080:80', 'web', 'x');
    expect(clash.stderr).toContain('Bind for 0.0.0.0:8080 failed: port is already allocated');
  });
});
