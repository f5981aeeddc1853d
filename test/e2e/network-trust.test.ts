import { describe, expect, it } from 'vitest';
import { tableName } from '../../src/dataplane/names.ts';
import { TestDaemon } from '../rig/daemon.ts';
import { Multihost } from '../rig/multihost.ts';
import { TestHost } from '../rig/namespace.ts';
import { Underlay } from '../rig/underlay.ts';
import { until } from '../rig/until.ts';

describe('fairlead.spoofing', () => {
  it('is denied, allowed or refused; a virtual address works where it is allowed', {
    timeout: 60_000,
  }, async () => {
    await using host = await TestHost.create();
    const flags = ['--dataplane', 'linux', '--dns-listen', 'none'];
    await using daemon = await TestDaemon.start({ namespace: host.path, flags });
    const create = (...words: string[]) => daemon.run('fairlead', 'network', 'create', ...words);
    for (const driver of ['bridge', 'overlay']) {
      const { code, stderr } = await create('-d', driver, '--opt', 'fairlead.spoofing=maybe', 'no');
      expect([code, stderr]).toEqual([
        1,
        'Error response from daemon: invalid value for fairlead.spoofing: "maybe": expected allow or deny\n',
      ]);
    }
    await create('--subnet', '172.30.8.0/24', 'held');
    await create('--subnet', '172.30.9.0/24', '--opt', 'fairlead.spoofing=allow', 'free');
    const answers = async (network: string, virtual: string) => {
      const own = await daemon.ok('run', '-d', '--name', `${network}1`, '--net', network, 'x');
      await daemon.ok('run', '-d', '--name', `${network}2`, '--net', network, 'x');
      const name = (await host.run('sh', '-c', 'ls /run/netns'))
        .split('\n')
        .find((one) => one.endsWith(own.slice(0, 12)));
      await host.runIn(name ?? '', 'ip', 'addr', 'add', `${virtual}/24`, 'dev', 'eth0');
      const { code } = await daemon.run('fairlead', 'exec', `${network}2`, 'ping', '-c1', '-W1', virtual);
      await host.runIn(name ?? '', 'ip', 'addr', 'del', `${virtual}/24`, 'dev', 'eth0');
      return code === 0;
    };
    expect(await answers('held', '172.30.8.99')).toBe(false);
    expect(await answers('free', '172.30.9.99')).toBe(true);
    const findings = await daemon.run('fairlead', 'doctor');
    expect([findings.code, findings.stdout]).toEqual([0, expect.stringContaining('all as it should be')]);
  });
});

it('who may send to a tunnel port follows the living nodes', { timeout: 120_000 }, async () => {
  await using rig = await Multihost.create({ hosts: 2, store: 'etcd', leaseTtl: '6s' });
  const { cluster } = rig;
  await rig.on(1, 'network', 'create', '-d', 'overlay', '--subnet', '10.77.0.0/24', 'multi');
  const c1 = await rig.run(1, 'c1', '--net', 'multi');
  const tag = c1.namespace.slice('/run/netns/fl'.length).slice(0, 4);
  const letIn = async () => {
    const text = await cluster.host(1).run('nft', 'list', 'set', 'inet', tableName(tag), 'nodes4');
    return text.match(/\d+\.\d+\.\d+\.\d+/g) ?? [];
  };
  // It has no endpoint on any network of the first one yet.
  expect(await letIn()).toEqual([Underlay.address(2)]);
  const c2 = await rig.run(2, 'c2', '--net', 'multi');
  expect(await rig.pings(c2, '10.77.0.2')).toBe(true);

  await cluster.daemon(2).kill('SIGKILL');
  await until('the dead one is out', letIn, (nodes) => nodes.length === 0);
  expect(await rig.on(1, 'doctor')).not.toContain('firewall');
  await cluster.daemon(2).start();
  await until('it is in again', letIn, (nodes) => nodes.length === 1);
  await until('and heard', () => rig.pings(c2, '10.77.0.2'));

  // A restart of all leaves it in until it has had the time to come back.
  await cluster.daemon(2).kill('SIGKILL');
  await cluster.daemon(1).kill('SIGKILL');
  await cluster.daemon(1).start();
  expect(await letIn()).toEqual([Underlay.address(2)]);
  await cluster.daemon(2).start();
  expect(await rig.pings(c1, '10.77.0.3')).toBe(true);
});
