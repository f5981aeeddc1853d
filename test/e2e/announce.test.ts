import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

/** A neighbour that has an address' old MAC in mind sent there for 32 to 40 s. */
describe('an address that gets another MAC', () => {
  let host: TestHost;
  let daemon: TestDaemon;

  beforeAll(async () => {
    host = await TestHost.create();
    daemon = await TestDaemon.start({
      namespace: host.path,
      flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
    });
    const subnets = ['--subnet', '10.92.0.0/24', '--subnet', 'fd92::/64'];
    await daemon.ok('network', 'create', '--ipv6', ...subnets, 'lan');
    await run('neighbour', '--link-local-ip', '169.254.7.1');
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const run = (name: string, ...flags: string[]) =>
    daemon.ok('run', '-d', '--name', name, '--net', 'lan', ...flags, 'busybox', 'sleep', '600');
  const inspected = (name: string, member: string) =>
    daemon.ok('container', 'inspect', '-f', `{{.NetworkSettings.${member}}}`, name);

  /** How many of five echo requests, a tenth of a second apart, are answered. */
  async function answered(address: string): Promise<number> {
    const ping = ['ping', '-n', '-c5', '-i0.1', '-W1', address];
    const { stdout } = await daemon.run('fairlead', 'exec', 'neighbour', ...ping);
    return Number(/(\d+) received/.exec(stdout)?.[1]);
  }

  it('is found at once when a container with another MAC replaces one', async () => {
    await run('old', '--ip', '10.92.0.9', '--ip6', 'fd92::9', '--mac-address', '02:42:00:00:00:01');
    expect([await answered('10.92.0.9'), await answered('fd92::9')]).toEqual([5, 5]);
    await daemon.ok('rm', '-f', 'old');
    await run('new', '--ip', '10.92.0.9', '--ip6', 'fd92::9', '--mac-address', '02:42:00:00:00:02');
    expect(await answered('10.92.0.9')).toBeGreaterThanOrEqual(4);
    expect(await answered('fd92::9')).toBeGreaterThanOrEqual(4);
  });

  it('is found at once when a container restarts, its link-local address too', async () => {
    await run('mover', '--link-local-ip', '169.254.7.7');
    const before = await inspected('mover', 'Networks.lan.MacAddress');
    expect(await answered('169.254.7.7')).toBe(5);
    await daemon.ok('restart', '-t', '0', 'mover');
    expect(await inspected('mover', 'Networks.lan.MacAddress')).not.toBe(before);
    expect(await answered('169.254.7.7')).toBeGreaterThanOrEqual(4);
  });
});
