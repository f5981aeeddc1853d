import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

/** The sandbox way with packets: a real daemon in a throwaway namespace that plays the host. */
describe('the sandbox way', () => {
  let host: TestHost;
  let outside: TestHost;
  let daemon: TestDaemon;

  beforeAll(async () => {
    host = await TestHost.create();
    outside = await TestHost.create();
    await host.wire({ device: 'up0', address: '203.0.113.1/24' }, outside, {
      device: 'up0',
      address: '203.0.113.2/24',
    });
    await host.run('ip', 'route', 'add', 'default', 'via', '203.0.113.2');
    daemon = await TestDaemon.start({ namespace: host.path, flags: ['--dataplane', 'linux'] });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const inside = (container: string, ...words: string[]) =>
    daemon.run('fairlead', 'exec', container, ...words);
  const ping = (container: string, target: string) => inside(container, 'ping', '-c1', '-W1', target);
  const addressOf = async (container: string, network: string) =>
    (
      await daemon.ok(
        'inspect',
        '-f',
        `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
        container,
      )
    ).trim();

  it('says which way and why', () => {
    expect(daemon.output).toContain('sandbox mode (asked for with --dataplane linux)');
  });

  it('resolves and reaches a service from its network only', async () => {
    await daemon.ok('network', 'create', 'foo');
    await daemon.ok('network', 'create', 'bar');
    await daemon.ok('service', 'publish', 'my-service.foo');
    await daemon.ok('run', '-d', '--name', 'c1', 'web');
    await daemon.ok('run', '-d', '--name', 'c2', '--net', 'foo', 'web');
    await daemon.ok('run', '-d', '--name', 'c3', '--net', 'bar', 'web');
    await daemon.ok('service', 'attach', 'c1', 'my-service.foo');

    const found = await inside('c2', 'getent', 'hosts', 'my-service');
    expect(found).toMatchObject({ code: 0, stdout: expect.stringMatching(/^172\.18\.0\.2 +my-service\n$/) });
    expect((await ping('c2', 'my-service')).code).toBe(0);
    expect((await inside('c3', 'getent', 'hosts', 'my-service')).code).toBe(2);
    expect((await ping('c3', 'my-service')).code).toBe(2);
    expect((await ping('c3', '172.18.0.2')).code).toBe(1);
    expect((await ping('c2', '172.18.0.2')).code).toBe(0);
  });

  it('takes the name away at detach, and keeps the address for the next provider', async () => {
    await daemon.ok('service', 'detach', 'c1', 'my-service.foo');
    expect((await inside('c2', 'getent', 'hosts', 'my-service')).code).toBe(2);
    await daemon.ok('service', 'attach', 'c3', 'my-service.foo');
    expect((await inside('c2', 'getent', 'hosts', 'my-service')).stdout).toMatch(/^172\.18\.0\.2 /);
    expect((await ping('c2', 'my-service')).code).toBe(0);
    await daemon.ok('service', 'detach', 'c3', 'my-service.foo');
  });

  it('reaches both networks from a container on two', async () => {
    await daemon.ok('run', '-d', '--name', 'both', '--net', 'foo', 'web');
    await daemon.ok('network', 'connect', 'bar', 'both');
    expect((await ping('both', 'c2')).code).toBe(0);
    expect((await ping('both', 'c3')).code).toBe(0);
    expect((await ping('c3', 'c2')).code).toBe(2);
    await daemon.ok('network', 'disconnect', 'bar', 'both');
    expect((await ping('both', 'c3')).code).toBe(2);
  });

  it('has a way out, but not from an internal network', async () => {
    await daemon.ok('network', 'create', '--internal', 'inner');
    await daemon.ok('run', '-d', '--name', 'in1', '--net', 'inner', 'web');
    await daemon.ok('run', '-d', '--name', 'in2', '--net', 'inner', 'web');
    expect((await ping('c2', '203.0.113.2')).code).toBe(0);
    expect((await ping('in1', '203.0.113.2')).code).not.toBe(0);
    expect((await ping('in1', 'in2')).code).toBe(0);
  });

  it('gives a container its own hostname, resolv.conf and hosts', async () => {
    await daemon.ok('run', '-d', '--name', 'h1', '--hostname', 'webhost', '--net', 'foo', 'web');
    expect((await inside('h1', 'hostname')).stdout).toBe('webhost\n');
    expect((await inside('h1', 'cat', '/etc/resolv.conf')).stdout).toBe(
      'nameserver 172.18.0.1\noptions ndots:0\n',
    );
    const address = await addressOf('h1', 'foo');
    expect((await inside('h1', 'cat', '/etc/hosts')).stdout).toContain(`${address}\twebhost\n`);
  });

  it('shares a stack with container:NAME, uses the host’s with host, and has only lo with none', async () => {
    await daemon.ok('run', '-d', '--name', 'sharer', '--net', 'container:c2', 'web', 'sleep', '600');
    expect((await inside('sharer', 'hostname', '-I')).stdout.trim()).toBe(await addressOf('c2', 'foo'));
    await daemon.ok('run', '-d', '--name', 'hostly', '--net', 'host', 'web', 'sleep', '600');
    expect((await inside('hostly', 'ip', '-br', 'addr', 'show', 'up0')).stdout).toContain('203.0.113.1/24');
    await daemon.ok('run', '-d', '--name', 'alone', '--net', 'none', 'web', 'sleep', '600');
    expect((await inside('alone', 'ip', '-br', 'link')).stdout).toMatch(/^lo +UNKNOWN [^\n]*\n$/);
  });

  it('runs a program with its output and exit code', async () => {
    const ran = await daemon.run(
      'fairlead',
      'run',
      '--name',
      'job',
      '--net',
      'foo',
      'web',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 7',
    );
    expect(ran).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    expect(await daemon.run('fairlead', 'logs', 'job')).toEqual({
      code: 0,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('leaves nothing of a --rm container whose program does not exist', async () => {
    const ran = await daemon.run('fairlead', 'run', '--rm', '--name', 'gone', 'web', 'no-such-program');
    expect(ran).toMatchObject({ code: 127, stdout: '' });
    expect(ran.stderr).toContain('exec: "no-such-program": executable file not found in $PATH');
    expect((await daemon.ok('ps', '-a')).includes('gone')).toBe(false);
  });

  it('tells what a container resolves, by what path, and whether it reaches it', async () => {
    await daemon.ok('service', 'attach', 'c1', 'my-service.foo');
    const probed = await daemon.ok('probe', 'c2', 'my-service');
    expect(probed).toContain('172.18.0.2');
    expect(probed).toContain('c1');
    expect((await daemon.run('fairlead', 'probe', 'c3', 'my-service')).code).not.toBe(0);
  });

  it('leaves nothing in the kernel when everything is removed', async () => {
    const ids = (await daemon.ok('ps', '-aq')).split('\n');
    await daemon.ok('rm', '-f', ...ids);
    await daemon.ok('service', 'unpublish', 'my-service.foo');
    await daemon.ok('network', 'rm', 'foo', 'bar', 'inner');
    expect((await host.linkNames()).filter((name) => name !== 'up0')).toHaveLength(1);
    const nodeId = await daemon.ok('info', '--format', '{{.Fairlead.nodeId}}');
    const tag = nodeId.slice(0, 4);
    const { stdout } = await daemon.inHost('ip', 'netns', 'list');
    expect(stdout.split('\n').filter((line) => line.startsWith(`fl${tag}-`))).toEqual([]);
  });
});
