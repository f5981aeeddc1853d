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
      ({ method }) => method !== 'NetworkDriver.CreateNetwork',
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
    expect(asked).toEqual(['NetworkDriver.CreateNetwork']);
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
