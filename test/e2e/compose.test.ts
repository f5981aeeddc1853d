import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComposeProject, type ComposeVersion } from '../rig/compose.ts';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

const cases: readonly (readonly [ComposeVersion, 'simulated' | 'linux'])[] = [
  ['2.40', 'simulated'],
  ['2.40', 'linux'],
  ['1.29', 'simulated'],
];

const variables = { SUBNET: '10.66.2.0/24', DB: '10.66.2.10', MODE: 'blue' };
const everyone = {
  'app-1': 'running',
  'app-2': 'running',
  'db-1': 'running (healthy)',
  'sidecar-1': 'running',
};

/** A file as people write it, from its first `up` to `down`, each step on what the one before has left. */
describe.each(cases)('compose %s in the mode %s', { timeout: 600_000 }, (version, mode) => {
  // 1.29 has it for the container, which API 1.52 takes no longer.
  const mac = version === '1.29' ? '' : '02:42:0a:42:02:10';
  const first = { ...variables, MAC: mac.toUpperCase().replaceAll(':', '-') };
  let host: TestHost;
  let daemon: TestDaemon;
  let shop: ComposeProject;

  beforeAll(async () => {
    host = await TestHost.create();
    const flags = ['--dataplane', mode, '--dns-listen', 'none'];
    daemon = await TestDaemon.start({ namespace: host.path, flags });
    shop = new ComposeProject(daemon, version, 'shop', 'shop.yaml');
  }, 300_000);
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  /** What a container of the project resolves a name to, sorted. */
  const resolved = async (project: ComposeProject, asker: string, name: string) => {
    const { stdout } = await daemon.run('fairlead', 'probe', project.container(asker), name);
    return [...stdout.matchAll(/^ {2}([\d.]+) on /gm)].map(([, address]) => address).sort();
  };
  const addressOf = async (project: ComposeProject, short: string, network: string) => {
    const format = `{{(index .NetworkSettings.Networks "${project.name}_${network}").IPAddress}}`;
    return (await project.docker('inspect', '-f', format, project.container(short))).trim();
  };

  it('up: what waits for a healthy service is started after it, and all have their names', async () => {
    await shop.run(first, 'up', '-d');
    expect(await shop.states()).toEqual(everyone);
    for (const name of ['db', 'pg', 'database.internal']) {
      expect(await resolved(shop, 'app-1', name), name).toEqual(['10.66.2.10']);
    }
    const format = '{{range .NetworkSettings.Networks}}{{.MacAddress}}{{end}}';
    expect(await shop.docker('inspect', '-f', format, shop.container('db-1'))).toContain(mac);
    const apps = [await addressOf(shop, 'app-1', 'back'), await addressOf(shop, 'app-2', 'back')];
    expect(await resolved(shop, 'db-1', 'app')).toEqual(apps.sort());
    expect(
      await shop.docker('inspect', '-f', '{{.HostConfig.RestartPolicy.Name}}', shop.container('app-1')),
    ).toBe('unless-stopped\n');
  });

  it.runIf(mode === 'linux')('containers have the addresses, servers and hosts of the file', async () => {
    const inApp = (...words: string[]) => shop.run(first, 'exec', '-T', 'app', ...words);
    expect(await inApp('cat', '/etc/resolv.conf')).toBe(
      'nameserver 10.66.2.1\nsearch corp.example\noptions ndots:0\n# ExtServers: [192.0.2.53]\n',
    );
    expect((await inApp('getent', 'hosts', 'legacy', 'gateway', 'db')).replace(/ +/g, ' ')).toBe(
      '10.1.2.3 legacy\n10.66.2.1 gateway\n10.66.2.10 db\n',
    );
    const addresses = await shop.run(
      first,
      'exec',
      '-T',
      'sidecar',
      'ip',
      '-4',
      '-o',
      'addr',
      'show',
      'eth0',
    );
    expect(addresses).toContain('inet 10.66.2.10/24');
    expect(await shop.run(first, 'exec', '-T', 'sidecar', 'cat', '/sys/class/net/eth0/address')).toBe(
      `${mac}\n`,
    );
  });

  it('up again: nothing is made anew', async () => {
    const before = await shop.containers();
    await shop.run(first, 'up', '-d');
    expect(await shop.containers()).toEqual(before);
  });

  it('a variable changed: the containers that have it are made anew, the others are left', async () => {
    const before = await shop.containers();
    await shop.run({ ...first, MODE: 'green' }, 'up', '-d');
    const after = await shop.containers();
    expect(
      [...after]
        .filter(([name, id]) => before.get(name) !== id)
        .map(([name]) => name)
        .sort(),
    ).toEqual(['app-1', 'app-2']);
    expect(await shop.states()).toEqual(everyone);
    expect(await shop.docker('inspect', '-f', '{{.Config.Env}}', shop.container('app-2'))).toContain(
      'MODE=green',
    );
    expect(await resolved(shop, 'db-1', 'app')).toHaveLength(2);
  });

  const green = { ...first, MODE: 'green', DB: '10.66.2.20' };

  it('a static address changed: the name follows, and so does who shares it', async () => {
    await shop.run(green, 'up', '-d');
    // It leaves who shares a network with what it has removed, beside an Engine as well.
    if (version === '1.29') await shop.run(green, 'up', '-d', '--no-deps', '--force-recreate', 'sidecar');
    expect(await shop.states()).toEqual(everyone);
    expect(await resolved(shop, 'app-1', 'db')).toEqual(['10.66.2.20']);
    expect(await resolved(shop, 'sidecar-1', 'db')).toEqual(['10.66.2.20']);
  });

  it('profiles and --scale: more, then fewer', async () => {
    await shop.run(green, '--profile', 'debug', 'up', '-d', '--scale', 'app=3');
    expect(await shop.states()).toEqual({ ...everyone, 'app-3': 'running', 'debug-1': 'running' });
    expect(await resolved(shop, 'debug-1', 'app')).toHaveLength(3);
    await shop.run(green, 'up', '-d', '--scale', 'app=1');
    expect(await resolved(shop, 'debug-1', 'app')).toEqual([await addressOf(shop, 'app-1', 'back')]);
    await shop.run(green, 'up', '-d');
  });

  it('restart: the same containers, healthy again, under their names', async () => {
    const before = await shop.containers();
    await shop.run(green, 'restart');
    expect(await shop.containers()).toEqual(before);
    await shop.run(green, 'up', '-d');
    expect(await shop.containers()).toEqual(before);
    expect(await shop.states()).toEqual({ ...everyone, 'debug-1': 'running' });
    expect(await resolved(shop, 'app-1', 'db')).toEqual(['10.66.2.20']);
  });

  it('two projects side by side: each has its own names; down takes one alone', async () => {
    const other = new ComposeProject(daemon, version, 'other', 'shop.yaml');
    const theirs = { ...first, SUBNET: '10.66.3.0/24', DB: '10.66.3.10', MODE: 'red' };
    const before = await shop.containers();
    await other.run(theirs, 'up', '-d');
    expect(await other.states()).toEqual(everyone);
    expect(await resolved(other, 'app-1', 'db')).toEqual(['10.66.3.10']);
    expect(await resolved(shop, 'app-1', 'db')).toEqual(['10.66.2.20']);
    expect(await resolved(other, 'app-1', shop.container('db-1'))).toEqual([]);
    await other.run(theirs, 'down');
    expect(await other.containers()).toEqual(new Map());
    expect(await shop.containers()).toEqual(before);
    expect(await resolved(shop, 'app-1', 'db')).toEqual(['10.66.2.20']);
  });

  it('down: nothing is left', async () => {
    await shop.run(green, '--profile', 'debug', 'down');
    expect(await shop.docker('ps', '-aq')).toBe('');
    expect(await shop.docker('network', 'ls', '--format', '{{.Name}}')).toBe('bridge\nhost\nnone\n');
    // The bridge of the default network.
    expect(await host.linkNames()).toHaveLength(mode === 'linux' ? 1 : 0);
    expect(await daemon.ok('doctor')).toMatch(/all as it should be/);
  });
});
