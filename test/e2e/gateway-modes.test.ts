import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { ask, Echo } from '../rig/echo.ts';
import { TestHost } from '../rig/namespace.ts';

const mode = (text: string) => ['-o', `com.docker.network.bridge.gateway_mode_ipv4=${text}`];

/** Gateway modes and trusted interfaces, by packets from a machine that routes the networks' subnets to the host. */
describe('how a network is reached from outside', () => {
  let host: TestHost;
  let outside: TestHost;
  let daemon: TestDaemon;
  const echoes: Echo[] = [];

  beforeAll(async () => {
    host = await TestHost.create();
    outside = await TestHost.create();
    for (const [device, net] of [
      ['up0', '192.0.2'],
      ['up1', '198.51.100'],
    ] as const)
      await host.wire({ device, address: `${net}.1/24` }, outside, { device, address: `${net}.2/24` });
    await outside.run('ip', 'route', 'add', '10.91.0.0/16', 'via', '192.0.2.1');
    await outside.run('ip', 'route', 'add', '10.91.4.0/24', 'via', '198.51.100.1');
    const flags = ['--dataplane', 'linux', '--dns-listen', 'none'];
    daemon = await TestDaemon.start({ namespace: host.path, flags });
    const make = async (number: number, name: string, ...options: string[]) => {
      await daemon.ok('network', 'create', '--subnet', `10.91.${number}.0/24`, ...options, name);
      const publish = options.includes('--internal') ? [] : ['-p', `${8000 + number}:80`];
      await daemon.ok(
        'run',
        '-d',
        '--name',
        name,
        '--net',
        name,
        '--ip',
        `10.91.${number}.2`,
        ...publish,
        'web',
      );
      await serve(name, 80);
      await serve(name, 81);
    };
    await make(1, 'nat', ...mode('nat'));
    await make(2, 'open', ...mode('nat-unprotected'));
    await make(3, 'routed', ...mode('routed'));
    await make(4, 'trusting', '-o', 'com.docker.network.bridge.trusted_host_interfaces=up1:up7');
    await make(5, 'isolated', '--internal', ...mode('isolated'));
    await make(6, 'internal', '--internal');
  });

  afterAll(async () => {
    for (const echo of echoes) await echo[Symbol.asyncDispose]();
    await daemon[Symbol.asyncDispose]();
    await outside[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  async function serve(name: string, port: number): Promise<void> {
    const { stdout } = await daemon.inHost('ip', 'netns', 'list');
    const id = await daemon.ok('inspect', '-f', '{{.Id}}', name);
    const namespace = stdout.split('\n').find((line) => line.includes(id.slice(0, 12)));
    echoes.push(await Echo.start(`/run/netns/${namespace?.split(' ')[0]}`, port, name));
  }

  /** Answers of the published and of the other port, each at the container's address. */
  const direct = (number: number, from = outside) =>
    Promise.all([80, 81].map((port) => ask(from.path, 'tcp', `10.91.${number}.2`, port)));
  const published = (number: number) => ask(outside.path, 'tcp', '192.0.2.1', 8000 + number);
  const exec = async (name: string, ...words: string[]) =>
    (await daemon.run('fairlead', 'exec', name, ...words)).code;
  const connect = `require('net').connect(+process.argv[2],process.argv[1]).setTimeout(1500,()=>process.exit(2)).on('data',()=>process.exit(0)).on('error',()=>process.exit(3))`;
  const from = (name: string, address: string, port: number) =>
    exec(name, process.execPath, '-e', connect, address, String(port));
  const closed = expect.not.stringMatching(/ 192\.0\.2\.2$| 198\.51\.100\.2$/);

  it('nat: by the published port, and no container at its own address', async () => {
    expect(await published(1)).toBe('nat 192.0.2.2');
    expect(await direct(1)).toEqual([closed, closed]);
  });

  it('nat-unprotected: every port at the container’s address, but not from other networks of the host', async () => {
    expect(await published(2)).toBe('open 192.0.2.2');
    expect(await direct(2)).toEqual(['open 192.0.2.2', 'open 192.0.2.2']);
    expect(await from('nat', '10.91.2.2', 80)).toBe(2);
  });

  it('routed: published ports at the container’s address and no port of the host, from other networks as well', async () => {
    expect(await direct(3)).toEqual(['routed 192.0.2.2', closed]);
    expect(await published(3)).toBe('ECONNREFUSED');
    expect(await from('nat', '10.91.3.2', 80)).toBe(0);
    expect(await from('nat', '10.91.3.2', 81)).toBe(2);
    expect((await outside.run('ping', '-c', '1', '-W', '2', '10.91.3.2')).includes('1 received')).toBe(true);
    // The binding of IPv6 leads to an address of IPv4, which nothing but the relay does.
    expect(await daemon.ok('inspect', '-f', '{{json .NetworkSettings.Ports}}', 'routed')).toBe(
      '{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":""},{"HostIp":"::","HostPort":"8003"}]}',
    );
    expect(
      (await daemon.run('docker', 'ps', '--filter', 'name=routed', '--format', '{{.Ports}}')).stdout,
    ).toBe('0.0.0.0:0->80/tcp, [::]:8003->80/tcp\n');
  });

  it('routed: what leaves has the container’s address; nat: the host’s', async () => {
    await using _there = await Echo.start(outside.path, 90, 'outside');
    const say = (name: string) =>
      daemon.ok(
        'exec',
        name,
        process.execPath,
        '-e',
        `require('net').connect(90,'192.0.2.2').on('data',(d)=>{console.log(String(d));process.exit()})`,
      );
    expect(await say('routed')).toBe('outside 10.91.3.2');
    expect(await say('nat')).toBe('outside 192.0.2.1');
  });

  it('trusted_host_interfaces: the published port at the container’s address, by those interfaces', async () => {
    expect(await direct(4)).toEqual(['trusting 198.51.100.2', closed]);
    await outside.run('ip', 'route', 'replace', '10.91.4.0/24', 'via', '192.0.2.1');
    expect(await direct(4)).toEqual([closed, closed]);
  });

  it('isolated: host and containers do not reach each other, but for DNS; internal: they do', async () => {
    const gateway = (number: number) => `10.91.${number}.1`;
    expect(await direct(6, host)).toEqual(['internal 10.91.6.1', 'internal 10.91.6.1']);
    expect(await direct(5, host)).toEqual([
      expect.not.stringMatching(/^isolated/),
      expect.not.stringMatching(/^isolated/),
    ]);
    expect(await exec('internal', 'ping', '-c', '1', '-W', '1', gateway(6))).toBe(0);
    expect(await exec('isolated', 'ping', '-c', '1', '-W', '1', gateway(5))).not.toBe(0);
    expect(await exec('isolated', 'getent', 'hosts', 'isolated')).toBe(0);
    expect((await daemon.run('fairlead', 'exec', 'isolated', 'dig', '+short', 'isolated')).stdout).toBe(
      '10.91.5.2\n',
    );
  });

  it('is whole after all that', async () => {
    expect((await daemon.run('fairlead', 'doctor')).code).toBe(0);
  });

  it('names interfaces and sets their sysctls as asked', async () => {
    const key = 'com.docker.network';
    await daemon.ok('network', 'create', '-o', `${key}.container_iface_prefix=wan`, 'wide');
    const links = (...words: string[]) => daemon.ok('run', '--rm', '--net', ...words);
    expect(await links('wide', 'x', 'ls', '/sys/class/net')).toBe('lo\nwan0');
    const option = (text: string) => `name=wide,driver-opt=${key}.endpoint.${text}`;
    expect(await links(option('ifname=foo0'), 'x', 'ls', '/sys/class/net')).toBe('foo0\nlo');
    const martians = option('sysctls=net.ipv4.conf.IFNAME.log_martians=1');
    const two = `name=wide,"driver-opt=${key}.endpoint.sysctls=net.ipv4.conf.IFNAME.forwarding=0,net.ipv4.conf.IFNAME.tag=7"`;
    expect(await links(two, 'x', 'cat', '/proc/sys/net/ipv4/conf/wan0/tag')).toBe('7');
    expect(await links(martians, 'x', 'cat', '/proc/sys/net/ipv4/conf/wan0/log_martians')).toBe('1');
    const refused = async (text: string) =>
      (await daemon.run('fairlead', 'run', '--rm', '--net', option(text), 'x', 'true')).stderr;
    expect(await refused('sysctls=net.ipv4.conf.IFNAME.bogus=1')).toContain(
      '/proc/sys/net/ipv4/conf/wan0/bogus is not a sysctl file',
    );
    expect(await refused('sysctls=net.ipv4.conf.eth0.log_martians=1')).toContain(
      "unrecognised network interface sysctl 'net.ipv4.conf.eth0.log_martians=1'",
    );
    expect(await refused('ifname=lo')).toContain('"lo" cannot be an interface\'s name');
    expect(await refused('mtu=1')).toContain(
      `unknown option ${key}.endpoint.mtu, known are ${key}.endpoint.ifname, ${key}.endpoint.sysctls`,
    );
  });
});
