import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { PythonPlugin } from '../rig/python-plugin.ts';
import { until } from '../rig/until.ts';

/** Networks of a third-party plugin, with packets. */
describe.each(['local', 'global'])('a network plugin of scope %s', (scope) => {
  let host: TestHost;
  let plugin: PythonPlugin;
  let daemon: TestDaemon;
  const flags = () => ['--dataplane', 'linux', '--dns-listen', 'none', '--plugin-dir', plugin.directory];

  beforeAll(async () => {
    host = await TestHost.create();
    plugin = await PythonPlugin.start('rig', host.path, '--scope', scope);
    daemon = await TestDaemon.start({ namespace: host.path, flags: flags() });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await plugin[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const exec = async (...words: string[]) => (await daemon.run('fairlead', 'exec', ...words)).code;
  const rigLinks = async () => (await host.linkNames()).filter((name) => name.startsWith('rig'));
  const counted = async (method: string) =>
    (await plugin.methods()).filter((one) => one === `NetworkDriver.${method}`).length;

  test('is created, and told of the network where the first container needs it', async () => {
    await daemon.ok('network', 'create', '-d', 'rig', '--subnet', '10.220.0.0/24', '--opt', 'a=b', 'foo');
    expect(await daemon.ok('network', 'inspect', '-f', '{{.Driver}} {{.Scope}}', 'foo')).toBe(`rig ${scope}`);
    // A network of many hosts is told where it is used, as by Swarm.
    expect(await counted('CreateNetwork')).toBe(scope === 'local' ? 1 : 0);
    expect((await plugin.methods()).slice(0, 2)).toEqual([
      'Plugin.Activate',
      'NetworkDriver.GetCapabilities',
    ]);
  });

  test('puts containers on it that reach each other, by name too', async () => {
    const before = (await plugin.calls()).length;
    await daemon.ok('run', '-d', '--name', 'c1', '--net', 'foo', '-p', '8080:80', '--expose', '80', 'x');
    await daemon.ok('run', '-d', '--name', 'c2', '--net', 'foo', '--mac-address', '02:42:00:00:00:99', 'x');
    const ofNetwork = (await plugin.calls(before)).filter(
      ({ method }) => !['NetworkDriver.CreateNetwork', 'NetworkDriver.DiscoverNew'].includes(method),
    );
    expect(ofNetwork.slice(0, 4).map(({ method }) => method)).toEqual([
      'NetworkDriver.CreateEndpoint',
      'NetworkDriver.Join',
      'NetworkDriver.ProgramExternalConnectivity',
      'NetworkDriver.EndpointOperInfo',
    ]);
    expect(ofNetwork[0]?.request).toMatchObject({
      Interface: { Address: '10.220.0.2/24', AddressIPv6: '', MacAddress: '' },
      Options: {
        'com.docker.network.endpoint.exposedports': [{ Proto: 6, Port: 80 }],
        'com.docker.network.portmap': [
          { Proto: 6, IP: '', Port: 80, HostIP: '', HostPort: 8080, HostPortEnd: 8080 },
        ],
      },
    });
    expect(await exec('c1', 'ping', '-c1', '-W2', '10.220.0.3')).toBe(0);
    expect(await exec('c1', 'ping', '-c1', '-W2', 'c2')).toBe(0);
    expect(await exec('c1', 'ping', '-c1', '-W2', '10.220.0.1')).toBe(0);
    const mac = '{{(index .NetworkSettings.Networks "foo").MacAddress}}';
    expect(await daemon.ok('inspect', '-f', mac, 'c1')).toMatch(/^02:52:/);
    expect(await daemon.ok('inspect', '-f', mac, 'c2')).toBe('02:42:00:00:00:99');
    expect(await daemon.ok('exec', 'c1', 'ip', 'route')).toContain('203.0.113.0/24 dev eth0');
    expect(await daemon.ok('exec', 'c1', 'ip', 'route')).toContain('default via 10.220.0.1');
  });

  test('is connected and disconnected while a container runs; services too', async () => {
    await daemon.ok('run', '-d', '--name', 'c3', 'x');
    await daemon.ok('network', 'connect', 'foo', 'c3');
    await daemon.ok('service', 'publish', 'db.foo');
    await daemon.ok('service', 'attach', 'c3', 'db.foo');
    expect(await exec('c1', 'ping', '-c1', '-W2', 'db')).toBe(0);
    const links = (await rigLinks()).length;
    await daemon.ok('service', 'detach', 'c3', 'db.foo');
    await daemon.ok('network', 'disconnect', 'foo', 'c3');
    expect(await exec('c1', 'ping', '-c1', '-W1', 'c3')).not.toBe(0);
    expect((await rigLinks()).length).toBe(links - 2);
    await daemon.ok('service', 'unpublish', 'db.foo');
    await daemon.ok('rm', '-f', 'c3');
  });

  test('containers keep their interfaces over kill -9 of the daemon, and nothing is made twice', async () => {
    const before = (await plugin.calls()).length;
    const links = await host.links();
    await daemon.kill();
    await daemon.start();
    expect(await exec('c1', 'ping', '-c1', '-W2', 'c2')).toBe(0);
    expect((await host.links()).map(({ ifindex }) => ifindex)).toEqual(links.map(({ ifindex }) => ifindex));
    // It may have forgotten; that it has not, it says with an error.
    const asked = (await plugin.methods(before)).filter((method) => method.startsWith('NetworkDriver.'));
    // Of other nodes it is told again as well, at any time.
    expect(asked.filter((method) => method !== 'NetworkDriver.DiscoverNew')).toEqual([
      'NetworkDriver.CreateNetwork',
    ]);
  });

  test('a plugin that was restarted and has forgotten is told again; containers talk on', async () => {
    await plugin.kill();
    expect(await exec('c1', 'ping', '-c1', '-W2', 'c2')).toBe(0);
    const before = (await plugin.calls()).length;
    await plugin.start('--scope', scope);
    await daemon.kill();
    await daemon.start();
    expect((await plugin.methods(before)).filter((m) => m === 'NetworkDriver.CreateNetwork').length).toBe(1);
    await daemon.ok('run', '-d', '--name', 'c4', '--net', 'foo', 'x');
    expect(await exec('c4', 'ping', '-c1', '-W2', 'c2')).toBe(0);
    await daemon.ok('rm', '-f', 'c4');
  });

  test('gives addresses too, and by itself where there is no IPAM', async () => {
    await daemon.ok(
      'network',
      'create',
      '-d',
      'rig',
      '--ipam-driver',
      'rig',
      '--subnet',
      '10.223.0.0/24',
      'ours',
    );
    await daemon.ok('network', 'create', '-d', 'rig', '--ipam-driver', 'null', 'theirs');
    await daemon.ok('run', '-d', '--name', 'i1', '--net', 'ours', 'x');
    await daemon.ok('run', '-d', '--name', 'i2', '--net', 'ours', '--ip', '10.223.0.77', 'x');
    const address = (network: string) => `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
    expect(await daemon.ok('inspect', '-f', address('ours'), 'i1')).toBe('10.223.0.2');
    expect(await exec('i1', 'ping', '-c1', '-W2', '10.223.0.77')).toBe(0);
    expect(await exec('i1', 'ping', '-c1', '-W2', 'i2')).toBe(0);
    await daemon.ok('network', 'connect', 'theirs', 'i1');
    await daemon.ok('network', 'connect', 'theirs', 'i2');
    const given = await daemon.ok('inspect', '-f', address('theirs'), 'i2');
    expect(given).toMatch(/^10\.222\.0\.\d+$/);
    expect(await exec('i1', 'ping', '-c1', '-W2', given)).toBe(0);
    expect(await exec('i1', 'ping', '-c1', '-W2', 'i2.theirs')).toBe(0);
    await daemon.ok('rm', '-f', 'i1');
    await daemon.ok('rm', '-f', 'i2');
    const before = (await plugin.calls()).length;
    await daemon.ok('network', 'rm', 'ours');
    await daemon.ok('network', 'rm', 'theirs');
    // It refuses to let go of a pool with addresses in it.
    expect((await plugin.calls(before)).map(({ method }) => method)).toContain('IpamDriver.ReleasePool');
    await daemon.ok('network', 'create', '--ipam-driver', 'rig', '--subnet', '10.223.0.0/24', 'again');
    await daemon.ok('network', 'rm', 'again');
  });

  test('is listed by info', async () => {
    expect(await daemon.ok('info')).toContain(
      `Plugin: rig (active, NetworkDriver, IpamDriver, ${plugin.directory}/rig.sock)`,
    );
  });

  test('leaves nothing behind', async () => {
    await daemon.ok('rm', '-f', 'c1');
    await daemon.ok('rm', '-f', 'c2');
    await daemon.ok('network', 'rm', 'foo');
    await until('the bridge goes', rigLinks, (names) => names.length === 0);
    expect((await plugin.methods()).slice(-1)).toEqual(['NetworkDriver.DeleteNetwork']);
  });
});

/** What a third party may do wrong; nothing is half done by it. */
describe('a network plugin that', () => {
  let host: TestHost;
  let plugin: PythonPlugin;
  let daemon: TestDaemon;

  beforeAll(async () => {
    host = await TestHost.create();
    plugin = await PythonPlugin.start('rig', host.path);
    const flags = ['--dataplane', 'linux', '--dns-listen', 'none', '--plugin-dir', plugin.directory];
    daemon = await TestDaemon.start({ namespace: host.path, flags });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await plugin[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const again = async (...options: string[]) => {
    await plugin.kill();
    await plugin.start('--state', plugin.stateFile, ...options);
  };
  const create = () =>
    daemon.run('fairlead', 'network', 'create', '-d', 'rig', '--subnet', '10.224.0.0/24', 'foo');
  const run = () => daemon.run('fairlead', 'run', '-d', '--name', 'c1', '--net', 'foo', 'x');
  const left = async () => ({
    links: (await host.linkNames()).filter((name) => name.startsWith('rig')),
    networks: (await daemon.ok('network', 'ls', '-q')).split('\n').length,
    sandboxes: await host.sandboxes(),
  });

  test('is not there is missed at once', async () => {
    const started = performance.now();
    const { code, stderr } = await daemon.run('fairlead', 'network', 'create', '-d', 'nope', 'bar');
    expect([code, stderr]).toEqual([1, 'Error response from daemon: plugin "nope" not found\n']);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test.each([
    ['refuses', ['--fail', 'NetworkDriver.CreateNetwork=no'], 'remote: no'],
    ['speaks no JSON', ['--say', 'NetworkDriver.CreateNetwork=zz'], 'what is not JSON: zz'],
    [
      'dies',
      ['--die', 'NetworkDriver.CreateNetwork'],
      'did not answer NetworkDriver.CreateNetwork: it closed the connection',
    ],
    [
      'has no such scope',
      ['--scope', 'moon'],
      'could not resolve driver rig in registry: it says that its scope is "moon"',
    ],
  ])('%s makes no network', async (_what, options, words) => {
    await again(...options);
    const { code, stderr } = await create();
    expect(code).toBe(1);
    expect(stderr).toContain(words);
    expect(stderr.trim()).not.toContain('\n');
    expect(await left()).toEqual({ links: [], networks: 3, sandboxes: [] });
  });

  test.each([
    ['refuses', ['--fail', 'NetworkDriver.Join=no'], 'remote: no'],
    ['dies', ['--die', 'NetworkDriver.Join'], 'did not answer NetworkDriver.Join'],
    [
      'lies about the gateway',
      ['--say', 'NetworkDriver.Join={"Gateway":"zz"}'],
      'unable to parse Gateway "zz"',
    ],
    [
      'lies about the interface',
      ['--say', 'NetworkDriver.Join={"InterfaceName":{"SrcName":"nowhere","DstPrefix":"eth"}}'],
      'the host has no interface nowhere',
    ],
  ])('%s when a container joins keeps it from starting', async (_what, options, words) => {
    await again();
    await daemon.ok('network', 'create', '-d', 'rig', '--subnet', '10.224.0.0/24', 'foo');
    await again(...options);
    const { code, stderr } = await run();
    expect(code).not.toBe(0);
    expect(stderr).toContain(words);
    const { links, sandboxes } = await left();
    expect([links.filter((name) => !name.startsWith('rigb')), sandboxes]).toEqual([[], []]);
    expect(await daemon.ok('network', 'inspect', '-f', '{{len .Containers}}', 'foo')).toBe('0');
    await again();
    await daemon.ok('start', 'c1');
    expect((await daemon.run('fairlead', 'exec', 'c1', 'ping', '-c1', '-W2', '10.224.0.1')).code).toBe(0);
    await daemon.ok('rm', '-f', 'c1');
    await daemon.ok('network', 'rm', 'foo');
    expect((await left()).links).toEqual([]);
  });

  test('is slow is waited for, and dead ones hold nothing', async () => {
    await again('--slow', 'NetworkDriver.Join=2');
    expect((await create()).code).toBe(0);
    expect((await run()).code).toBe(0);
    await plugin.kill();
    expect((await daemon.run('fairlead', 'rm', '-f', 'c1')).code).toBe(0);
    expect((await daemon.run('fairlead', 'network', 'rm', 'foo')).code).toBe(0);
    expect(await daemon.ok('info')).toContain('Plugin: rig (unreachable, NetworkDriver, IpamDriver');
    expect(daemon.output).toContain('DeleteNetwork of network foo: plugin \\"rig\\" cannot be reached');
  });
});
