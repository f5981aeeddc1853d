import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

/** macvlan by packets: a machine `lan` is at the other end of the wire that the networks' parent `up0` is. */
describe('networks on an interface of the host', () => {
  let host: TestHost;
  let lan: TestHost;
  let daemon: TestDaemon;
  let kernel: { readonly ipvlan: boolean; readonly vlan: boolean };

  beforeAll(async () => {
    host = await TestHost.create();
    lan = await TestHost.create();
    const up0 = { device: 'up0', address: '192.0.2.1/24' };
    await host.wire(up0, lan, { device: 'lan0', address: '10.94.1.1/24' });
    kernel = { ipvlan: await has('ipvlan'), vlan: await has('vlan', 'id', '7') };
    const flags = ['--dataplane', 'linux', '--dns-listen', 'none'];
    daemon = await TestDaemon.start({ namespace: host.path, flags });
    await daemon.ok(...create('mac', '10.94.1.0/24', '-o', 'parent=up0'));
    await daemon.ok(...create('alone', '10.94.2.0/24'));
    for (const name of ['one', 'two']) await run(name, 'mac', '-p', '8094:80');
    for (const name of ['three', 'four']) await run(name, 'alone');
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await lan[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const create = (name: string, subnet: string, ...options: string[]) =>
    ['network', 'create', '-d', 'macvlan', '--subnet', subnet, ...options, name] as const;
  const run = (name: string, net: string, ...flags: string[]) =>
    daemon.ok('run', '-d', '--name', name, '--net', net, ...flags, 'busybox', 'sleep', '600');
  const exec = async (name: string, ...words: string[]) =>
    (await daemon.run('fairlead', 'exec', name, ...words)).stdout;
  const pings = async (name: string, address: string) =>
    / 1 received/.test(await exec(name, 'ping', '-n', '-c1', '-W2', address));
  /** Whether this kernel makes such a device, in a namespace that is thrown away with its devices. */
  async function has(...type: string[]): Promise<boolean> {
    await using trial = await TestHost.create();
    await trial.run('ip', 'link', 'add', 'lower', 'type', 'bridge');
    const added = trial.run('ip', 'link', 'add', 'link', 'lower', 'name', 'upper', 'type', ...type);
    return await added.then(
      () => true,
      () => false,
    );
  }

  it('has neighbours on its parent: containers and the machines behind it, not the host', async () => {
    expect(await pings('one', '10.94.1.3')).toBe(true);
    expect(await pings('one', '10.94.1.1')).toBe(true);
    expect(await lan.run('ping', '-n', '-c1', '-W2', '10.94.1.2')).toContain(' 1 received');
    const known = await lan.run('ip', 'neigh', 'show', 'to', '10.94.1.2');
    expect(known).toContain('lladdr 02:42:0a:5e:01:02');
    expect(await pings('one', '192.0.2.1')).toBe(false);
  });

  it('without a parent leads nowhere', async () => {
    expect(await pings('three', '10.94.2.3')).toBe(true);
    expect(await exec('three', 'ip', 'route')).toMatch(/^10\.94\.2\.0\/24 [^\n]*\n$/);
  });

  it('publishes no port, and says so as the Engine does', async () => {
    expect(await daemon.ok('inspect', '-f', '{{json .NetworkSettings.Ports}}', 'one')).toBe('{}');
  });

  it('answers names inside the sandbox, after a restart of container and daemon too', async () => {
    expect(await exec('one', 'cat', '/etc/resolv.conf')).toMatch(/^nameserver 127\.0\.0\.11\n/);
    expect(await exec('one', 'getent', 'hosts', 'two')).toMatch(/^10\.94\.1\.3 /);
    // Names are those of one's own networks.
    expect(await exec('one', 'getent', 'hosts', 'three')).toBe('');
    await daemon.ok('restart', '-t', '0', 'one');
    expect(await exec('one', 'getent', 'hosts', 'two')).toMatch(/^10\.94\.1\.3 /);
    await daemon.kill();
    await daemon.start();
    expect(await exec('two', 'getent', 'hosts', 'one')).toMatch(/^10\.94\.1\./);
    expect(await exec('three', 'getent', 'hosts', 'four')).toMatch(/^10\.94\.2\.3 /);
  });

  it('leaves port 53 to a container that is a DNS server itself', async () => {
    const script = `require('node:dgram').createSocket('udp4').bind(53, () => { console.log('bound'); process.exit() })`;
    expect(await exec('one', process.execPath, '-e', script)).toBe('bound\n');
  });

  it('is put right again when an interface is taken away, and the doctor tells', async () => {
    const before = await daemon.run('fairlead', 'doctor');
    expect(before.stdout).toContain('all as it should be');
    const id = await daemon.ok('inspect', '-f', '{{.Id}}', 'two');
    const [namespace = ''] = (await host.runIn(host.name, 'ls', '/run/netns'))
      .split('\n')
      .filter((name) => name.endsWith(id.slice(0, 12)));
    await host.runIn(namespace, 'ip', 'link', 'del', 'eth0');
    const broken = await daemon.run('fairlead', 'doctor');
    expect(broken.stdout).toContain('interface eth0 of container two');
    await daemon.run('fairlead', 'doctor', '--repair');
    expect(await pings('two', '10.94.1.1')).toBe(true);
  });

  it('names interfaces as asked', async () => {
    const prefix = 'com.docker.network.container_iface_prefix=net';
    await daemon.ok(...create('prefixed', '10.94.3.0/24', '-o', 'parent=up0', '-o', prefix));
    await run('named', 'prefixed');
    expect(await exec('named', 'ip', '-o', 'link')).toContain(' net0@');
    const ifname = 'driver-opt=com.docker.network.endpoint.ifname=lan7';
    await daemon.ok('rm', '-f', 'named');
    await run('named', `name=prefixed,${ifname}`);
    expect(await exec('named', 'ip', '-o', 'link')).toContain(' lan7@');
    await daemon.ok('rm', '-f', 'named');
  });

  it('keeps containers apart in mode private', async () => {
    await daemon.ok(...create('private', '10.94.4.0/24', '-o', 'parent=up0', '-o', 'macvlan_mode=private'));
    for (const name of ['five', 'six']) await run(name, 'private');
    expect(await pings('five', '10.94.4.3')).toBe(false);
    await daemon.ok('rm', '-f', 'five', 'six');
  });

  it('is made where the kernel has what it needs, and refused by name where not', async () => {
    const ipvlan = await daemon.run(
      'fairlead',
      'network',
      'create',
      '-d',
      'ipvlan',
      '-o',
      'parent=up0',
      'ipv',
    );
    expect(ipvlan.code).toBe(kernel.ipvlan ? 0 : 1);
    if (!kernel.ipvlan)
      expect(ipvlan.stderr).toContain('no ipvlan networks on this host: this kernel has no');
    const tagged = create('tagged', '10.94.5.0/24', '-o', 'parent=up0.50');
    const { code, stderr } = await daemon.run('fairlead', ...tagged);
    expect(code).toBe(kernel.vlan ? 0 : 1);
    if (!kernel.vlan)
      expect(stderr).toContain('failed to create up0.50 vlan link: this kernel has no 802.1q');
    expect((await host.linkNames()).includes('up0.50')).toBe(kernel.vlan);
    if (kernel.vlan) await daemon.ok('network', 'rm', 'tagged');
    expect(await host.linkNames()).not.toContain('up0.50');
  });

  it('leaves the parent, and nothing of ours', async () => {
    for (const name of ['one', 'two', 'three', 'four']) await daemon.ok('rm', '-f', name);
    for (const name of ['mac', 'alone', 'prefixed', 'private']) await daemon.ok('network', 'rm', name);
    const names = await host.linkNames();
    expect(names).toContain('up0');
    expect(names.filter((name) => /^fl[0-9a-f]{4}p/.test(name))).toEqual([]);
  });
});
