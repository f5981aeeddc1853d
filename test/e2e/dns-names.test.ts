import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DnsServer } from '../rig/dns-server.ts';
import { DnsStage } from '../rig/dns-stage.ts';
import { MuslResolver } from '../rig/musl.ts';
import { until } from '../rig/until.ts';

/** What a container's resolver is told and whom it hears, with packets: glibc's, musl's and dig. */
let stage: DnsStage;
let own: DnsServer;
let musl: MuslResolver;

/** Where every server of ours here says that any name is. */
const anywhere = '198.51.100.7';

beforeAll(async () => {
  musl = new MuslResolver();
  stage = await DnsStage.open();
  await stage.beyond.run('ip', 'addr', 'add', '203.0.113.3/24', 'dev', 'up0');
  own = await DnsServer.start(stage.beyond.path, '203.0.113.3');
  await run('plain', '--net', 'open');
  await run('chosen', '--net', 'open', '--dns', '203.0.113.3', '--dns-search', '.');
});

afterAll(async () => {
  await own?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
  musl?.[Symbol.dispose]();
});

async function run(name: string, ...flags: readonly string[]): Promise<void> {
  await stage.daemon.ok('run', '-d', '--name', name, ...flags, 'web', 'sleep', '3600');
}

async function inside(container: string, ...words: readonly string[]): Promise<string> {
  const { stdout } = await stage.daemon.run('fairlead', 'exec', container, ...words);
  return stdout.trim();
}

/** By glibc and by musl; they must agree. */
async function resolved(container: string, name: string): Promise<string> {
  const glibc = await inside(container, 'getent', 'ahostsv4', name);
  const addresses = [...new Set(glibc.split('\n').map((line) => line.split(' ')[0]))].join('\n');
  // On a busy machine an answer may take longer than the one try of it.
  const ofMusl = () => inside(container, musl.program, name);
  await until('musl says the same', ofMusl, (found) => found === addresses);
  return addresses;
}

describe('--dns', () => {
  it('leaves one server in resolv.conf, ours', async () => {
    const gateway = await stage.gateway('open');
    expect(await inside('chosen', 'cat', '/etc/resolv.conf')).toMatch(
      new RegExp(`^nameserver ${gateway}\n(options .*)?ndots:0\n# ExtServers: \\[203\\.0\\.113\\.3\\]$`),
    );
  });

  it('says whom that one asks for this container; own names are asked of nobody', async () => {
    expect(await resolved('chosen', 'plain')).toBe(await stage.address('plain', 'open'));
    expect(await resolved('chosen', 'www.chosen.example')).toBe(anywhere);
    expect(await resolved('plain', 'www.plain.example')).toBe(anywhere);
    expect(own.askedFor('www').every((line) => line.startsWith('www.chosen.example '))).toBe(true);
    expect(own.askedFor('www.chosen').length).toBeGreaterThan(0);
    expect(stage.upstream.askedFor('chosen')).toEqual([]);
    expect(own.asked.filter((line) => line.startsWith('plain'))).toEqual([]);
  });

  it('reaches a server on an internal network, but none beyond it', async () => {
    const address = await stage.address('in-inner', 'inner');
    const server = await DnsServer.start(await stage.namespaceOf('in-inner'), address);
    await run('shut', '--net', 'inner', '--dns', '203.0.113.3', '--dns', address);
    expect(await resolved('shut', 'a.shut.example')).toBe(anywhere);
    expect(server.askedFor('a.shut.example').length).toBeGreaterThan(0);
    expect(own.askedFor('shut')).toEqual([]);
    await server[Symbol.asyncDispose]();
    await run('closed', '--net', 'inner', '--dns', '203.0.113.3');
    const gateway = await stage.gateway('inner');
    expect(await stage.dig(await stage.namespaceOf('closed'), `@${gateway}`, 'a.closed.example')).toBe(
      'SERVFAIL',
    );
    const { stdout } = await stage.daemon.run('fairlead', 'probe', 'closed', 'a.closed.example');
    expect(stdout).toContain('none of the DNS servers of closed (203.0.113.3) is within its reach');
    expect(own.askedFor('closed')).toEqual([]);
  });

  it('is no way into a network that the container is not on', async () => {
    const address = await stage.address('in-over', 'over');
    const server = await DnsServer.start(await stage.namespaceOf('in-over'), address);
    await run('curious', '--net', 'open', '--dns', address);
    const gateway = await stage.gateway('open');
    const namespace = await stage.namespaceOf('curious');
    expect(await stage.dig(namespace, `@${gateway}`, 'a.curious.example')).toBe('SERVFAIL');
    expect(server.asked).toEqual([]);
    await server[Symbol.asyncDispose]();
  });

  it('takes a loopback address for the container’s own, as there', async () => {
    await run('serves', '--net', 'open', '--dns', '127.0.0.1');
    const server = await DnsServer.start(await stage.namespaceOf('serves'), '0.0.0.0');
    expect(await resolved('serves', 'a.serves.example')).toBe(anywhere);
    expect(server.askedFor('a.serves.example').length).toBeGreaterThan(0);
    expect(stage.upstream.askedFor('serves')).toEqual([]);
    await server[Symbol.asyncDispose]();
  });
});

describe('--net host', () => {
  it('has the host’s files as they are', async () => {
    await run('hostly', '--net', 'host');
    for (const file of ['/etc/resolv.conf', '/etc/hosts']) {
      expect(await inside('hostly', 'cat', file)).toBe(readFileSync(file, 'utf8').trim());
    }
  });
});

describe('--hostname', () => {
  it.each(['kafka1', 'Kafka.example.com'])(
    '%s is a name for the others, the last of DNSNames',
    async (name) => {
      const container = `named-${name.length}`;
      await run(container, '--net', 'open', '--network-alias', 'mq', '--hostname', name);
      expect(await resolved('plain', name)).toBe(await stage.address(container, 'open'));
      const format = '{{json (index .NetworkSettings.Networks "open").DNSNames}}';
      const names: unknown = JSON.parse(await stage.daemon.ok('inspect', '-f', format, container));
      const id = await stage.daemon.ok('inspect', '-f', '{{.Id}}', container);
      expect(names).toEqual([container, 'mq', id.slice(0, 12), name]);
      expect(stage.upstream.askedFor('afka')).toEqual([]);
    },
  );
});

describe('--add-host', () => {
  it('knows the host by host-gateway, with either separator', async () => {
    const flags = ['host.docker.internal:host-gateway', 'six=[fd00::6]', 'four=192.0.2.44'];
    await run('extra', '--net', 'open', ...flags.flatMap((text) => ['--add-host', text]));
    expect(await resolved('extra', 'host.docker.internal')).toBe(await stage.gateway('open'));
    expect(await resolved('extra', 'four')).toBe('192.0.2.44');
    expect(await inside('extra', 'getent', 'hosts', 'six')).toMatch(/^fd00::6 /);
    const shown = await stage.daemon.ok('inspect', '-f', '{{json .HostConfig.ExtraHosts}}', 'extra');
    expect(JSON.parse(shown)).toEqual([
      'host.docker.internal:host-gateway',
      'six:fd00::6',
      'four:192.0.2.44',
    ]);
    const refused = await stage.daemon.run('docker', 'run', '--add-host', 'x:1.2', 'web');
    expect(refused.code).toBe(125);
    expect(refused.stderr).toContain(
      'invalid argument "x:1.2" for "--add-host" flag: invalid IP address in add-host: "1.2"',
    );
  });
});

describe('domains', () => {
  it('are not taken by a network that the asker is not on', async () => {
    await stage.daemon.ok('network', 'create', 'example');
    await run('within', '--net', 'example');
    const [open, example] = [await stage.gateway('open'), await stage.gateway('example')];
    const plain = await stage.namespaceOf('plain');
    expect(await stage.dig(plain, `@${open}`, 'www.example')).toBe('NOERROR');
    expect(await stage.dig(await stage.namespaceOf('within'), `@${example}`, 'www.example')).toBe('NXDOMAIN');
    expect(await stage.dig(plain, `@${open}`, 'within.example')).toBe('NOERROR');
  });

  it('of special use are asked of nobody', async () => {
    const namespace = await stage.namespaceOf('plain');
    const server = `@${await stage.gateway('open')}`;
    const statuses = ['x.localhost', 'x.invalid', 'x.onion'].flatMap((name) =>
      ['A', 'AAAA', 'TXT'].map((type) => stage.dig(namespace, server, name, type)),
    );
    expect(await Promise.all(statuses)).toEqual([...Array(3).fill('NOERROR'), ...Array(6).fill('NXDOMAIN')]);
    expect(await inside('plain', musl.program, 'x.localhost')).toBe('127.0.0.1');
    for (const top of ['localhost', 'invalid', 'onion'])
      expect(stage.upstream.askedFor(`.${top} `)).toEqual([]);
  });
});
