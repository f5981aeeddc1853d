import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

const switches = ['all', 'default', 'lo'].map((name) => `/proc/sys/net/ipv6/conf/${name}/disable_ipv6`);

/** The values are those of Engine 28.5. */
describe('IPv6 networks on a host with net.ipv6.conf.all.disable_ipv6=1', () => {
  let host: TestHost;
  let daemon: TestDaemon;

  beforeAll(async () => {
    host = await TestHost.create();
    await host.run('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1');
    const flags = ['--dataplane', 'linux', '--dns-listen', 'none'];
    daemon = await TestDaemon.start({ namespace: host.path, flags });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  async function running(name: string, ...create: string[]): Promise<void> {
    await daemon.ok('network', 'create', ...create, name);
    await daemon.ok('run', '-d', '--name', name, '--net', name, 'busybox', 'sleep', '1000');
  }

  it('have their gateway and their containers addresses, and the host keeps its setting', async () => {
    await running('n6', '--ipv6', '--subnet', 'fd00:9::/64');
    expect(await daemon.ok('exec', 'n6', 'ip', '-6', 'addr')).toMatch(/inet6 fd00:9::2\/64 scope global/);
    expect(await daemon.ok('exec', 'n6', 'ip', '-6', 'route')).toContain('default via fd00:9::1 dev eth0');
    await daemon.ok('exec', 'n6', 'ping', '-c1', '-W5', 'fd00:9::1');
    expect(await host.run('cat', ...switches)).toBe('1\n1\n1\n');
    expect((await daemon.run('fairlead', 'doctor')).stdout).toContain('all as it should be');
  });

  it('are restored by doctor after the host has switched IPv6 off again', async () => {
    await host.run('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1');
    expect((await daemon.run('fairlead', 'doctor')).stdout).toContain('it should be: bridge');
    await daemon.run('fairlead', 'doctor', '--repair');
    await daemon.ok('exec', 'n6', 'ping', '-c1', '-W5', 'fd00:9::1');
  });

  it('show where DNS listens with brackets', async () => {
    const { stdout } = await daemon.run('fairlead', 'info');
    expect(stdout).toContain('DNS: [fd00:9::1]:53 listening\n');
  });

  it('may have the subnet of link-local addresses', async () => {
    await running('local', '--ipv6', '--subnet', 'fe80::/64');
    expect(await daemon.ok('exec', 'local', 'ip', '-6', 'addr')).toMatch(/inet6 fe80::2\/64 scope link/);
    expect(await daemon.ok('exec', 'local', 'ip', '-6', 'route')).toContain('default via fe80::1 dev eth0');
    await daemon.ok('exec', 'local', 'ping', '-c1', '-W5', 'fe80::1%eth0');
    expect(await daemon.ok('exec', 'local', 'getent', 'ahosts', 'local')).toContain('fe80::2');
    expect((await daemon.run('fairlead', 'doctor')).stdout).toContain('all as it should be');
  });

  it('resolve names by link-local addresses alone', async () => {
    await daemon.ok('rm', '-f', 'local');
    await daemon.ok('network', 'rm', 'local');
    await running('only', '--ipv4=false', '--ipv6', '--subnet', 'fe80::/64');
    expect(await daemon.ok('exec', 'only', 'cat', '/etc/resolv.conf')).toContain('nameserver 127.0.0.11\n');
    expect(await daemon.ok('exec', 'only', 'getent', 'ahosts', 'only')).toContain('fe80::2');
    expect((await daemon.run('fairlead', 'doctor')).stdout).toContain('all as it should be');
  });
});
