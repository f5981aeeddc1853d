import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode } from '../../../../src/cluster/decode.ts';
import { networkSchema, nodeSchema, serviceSchema } from '../../../../src/cluster/records.ts';
import { extraHostsOf, renderHosts } from '../../../../src/container/hosts-file.ts';
import { renderResolvConf } from '../../../../src/container/resolv-conf.ts';
import {
  pathsOf,
  writeIdentityFiles,
  writeNetworkFiles,
} from '../../../../src/container/sandbox/records/directory.ts';
import { newId } from '../../../../src/lib/ids.ts';
import { networkOf } from '../../../contract/driver.ts';
import { createTestApi } from '../../../rig/api.ts';

/** What is a line in a file, a rule or a table cannot begin another one. */
describe('texts that clients send', () => {
  let api: Awaited<ReturnType<typeof createTestApi>>;

  beforeAll(async () => {
    api = await createTestApi();
    await api.listen();
    await api.model.containers.create({ name: 'c1', image: 'x' });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  async function refusal(path: string, body: unknown): Promise<string> {
    const { status, text, json } = await api.call('POST', path, body);
    const plain = path.startsWith('/v1.2') ? text.trim() : (json() as { message: string }).message;
    return `${status} ${plain}`;
  }

  const create = (body: Record<string, unknown>) => refusal('/containers/create', { Image: 'x', ...body });
  const host = (HostConfig: Record<string, unknown>) => create({ HostConfig });
  const holds = (member: string, shown: string) =>
    `400 invalid ${member}: "${shown}" holds a control character`;

  it.each([
    [{ Hostname: 'good\nx', Domainname: 'y' }, 'Hostname', 'good\\u000ax'],
    [{ Domainname: 'y\r' }, 'Domainname', 'y\\u000d'],
    [{ User: 'nobody\n0' }, 'User', 'nobody\\u000a0'],
    [{ WorkingDir: '/tmp\n' }, 'WorkingDir', '/tmp\\u000a'],
    [{ Image: 'x\u001b]0;pwned\u0007' }, 'Image', 'x\\u001b]0;pwned\\u0007'],
    [{ Labels: { 'a\nb': '' } }, 'Labels', 'a\\u000ab'],
    [
      { HostConfig: { ExtraHosts: ['x:1.2.3.4\n6.6.6.6 evil'] } },
      'HostConfig.ExtraHosts',
      'x:1.2.3.4\\u000a6.6.6.6 evil',
    ],
    [
      { HostConfig: { DnsOptions: ['a\nnameserver 6.6.6.6'] } },
      'HostConfig.DnsOptions',
      'a\\u000anameserver 6.6.6.6',
    ],
    [{ HostConfig: { DnsSearch: ['a\nb'] } }, 'HostConfig.DnsSearch', 'a\\u000ab'],
    [{ HostConfig: { Dns: ['1.1.1.1\n6.6.6.6'] } }, 'HostConfig.Dns', '1.1.1.1\\u000a6.6.6.6'],
    [{ HostConfig: { Links: ['a:b\u2028'] } }, 'HostConfig.Links', 'a:b\\u2028'],
    [{ MacAddress: '02:42:ac:11:00:02\nlink' }, 'MacAddress', '02:42:ac:11:00:02\\u000alink'],
    [
      { NetworkingConfig: { EndpointsConfig: { bridge: { DriverOpts: { a: 'b\nc' } } } } },
      'NetworkingConfig.EndpointsConfig.bridge.DriverOpts',
      'b\\u000ac',
    ],
    [
      { NetworkingConfig: { EndpointsConfig: { bridge: { Aliases: ['a\u202eb'] } } } },
      'NetworkingConfig.EndpointsConfig.bridge.Aliases',
      'a\\u202eb',
    ],
    [
      { NetworkingConfig: { EndpointsConfig: { 'a\nb': {} } } },
      'NetworkingConfig.EndpointsConfig',
      'a\\u000ab',
    ],
  ])('a create with %j names the member', async (body, member, shown) => {
    expect(await create(body)).toBe(holds(member, shown));
  });

  it.each([
    [
      { Hostname: 'a b' },
      'invalid Hostname "a b": expected labels of letters, digits, "-" and "_", joined by ".", 64 characters at most',
    ],
    [{ Hostname: '-a' }, 'invalid Hostname "-a": '],
    [{ Hostname: 'a..b' }, 'invalid Hostname "a..b": '],
    [{ Hostname: 'a'.repeat(64) }, 'invalid Hostname "aaa'],
    [{ Domainname: '"; reboot' }, 'invalid Domainname ""; reboot": '],
    [{ HostConfig: { Dns: ['ns.example'] } }, 'invalid Dns "ns.example": expected an IP address'],
    [{ HostConfig: { Dns: ['1.1.1.1#53'] } }, 'invalid Dns "1.1.1.1#53": expected an IP address'],
    [{ HostConfig: { DnsSearch: ['a b'] } }, 'invalid DnsSearch "a b": expected a domain, or "."'],
    [
      { HostConfig: { DnsOptions: ['a b'] } },
      'invalid DnsOptions "a b": expected a word of resolv.conf(5), such as ndots:2',
    ],
    [{ HostConfig: { ExtraHosts: ['x'] } }, 'bad format for add-host: "x"'],
    [{ HostConfig: { ExtraHosts: ['a b:1.2.3.4'] } }, 'bad format for add-host: "a b:1.2.3.4"'],
    [{ HostConfig: { ExtraHosts: ['x:1.2.3.4 evil'] } }, 'invalid IP address in add-host: "1.2.3.4 evil"'],
    [{ HostConfig: { ExtraHosts: ['x:1.2.3'] } }, 'invalid IP address in add-host: "1.2.3"'],
    [{ HostConfig: { ExtraHosts: ['x:'] } }, 'invalid IP address in add-host: ""'],
    // The CLI makes these what the Engine takes.
    [{ HostConfig: { ExtraHosts: ['x=1.2.3.4'] } }, 'bad format for add-host: "x=1.2.3.4"'],
    [{ HostConfig: { ExtraHosts: ['x:[::1]'] } }, 'invalid IP address in add-host: "[::1]"'],
    [
      { NetworkingConfig: { EndpointsConfig: { default: { MacAddress: '02:42 dev lo' } } } },
      'invalid config for network default: invalid MAC address 02:42 dev lo',
    ],
  ])('a create with %j says what was expected', async (body, message) => {
    expect((await create(body)).slice(0, message.length + 4)).toBe(`400 ${message}`);
  });

  it.each([
    ['/networks/create', { Name: 'n\n' }, 'Name', 'n\\u000a'],
    [
      '/networks/create',
      { Name: 'n', Options: { 'com.docker.network.bridge.name': 'b\nx' } },
      'Options',
      'b\\u000ax',
    ],
    ['/networks/create', { Name: 'n', IPAM: { Options: { a: '\u009b' } } }, 'IPAM.Options', '\\u009b'],
    ['/networks/bridge/connect', { Container: 'c1\n' }, 'Container', 'c1\\u000a'],
    ['/containers/c1/exec', { Cmd: ['a'], User: 'a\n' }, 'User', 'a\\u000a'],
  ])('%s with %j', async (path, body, member, shown) => {
    expect(await refusal(path, body)).toBe(holds(member, shown));
  });

  it('the routes of 2015 and those of apps', async () => {
    expect(await refusal('/v1.20/services', { name: 's\nx', network_name: 'bridge' })).toBe(
      '400 Invalid body: invalid name: "s\\u000ax" holds a control character',
    );
    const options = { 'com.docker.network.generic': { a: 'b\nc' } };
    expect(await refusal('/v1.20/networks', { name: 'n', network_type: 'bridge', options })).toMatch(
      /^400 .*control/,
    );
    expect(await refusal('/apps', { name: 'a\nb' })).toMatch(/^400 .*control/);
  });

  it('a NUL is nowhere: it would end the text in the kernel, and spawn would throw', async () => {
    expect(await create({ Env: ['A=b\0c'] })).toBe('400 invalid Env: it holds a NUL character');
    expect(await create({ Cmd: ['a\0'] })).toBe('400 invalid Cmd: it holds a NUL character');
    expect(await create({ Labels: { a: '\0' } })).toBe('400 invalid Labels.a: it holds a NUL character');
    expect(await host({ Binds: ['/a\0:/b'] })).toBe('400 invalid HostConfig.Binds: it holds a NUL character');
    expect(await create({ Healthcheck: { Test: ['\0'] } })).toBe(
      '400 invalid Healthcheck.Test: it holds a NUL character',
    );
    expect(await refusal('/containers/c1/exec', { Cmd: ['a', 'b\0'] })).toBe(
      '400 invalid Cmd: it holds a NUL character',
    );
    expect(await refusal('/containers/c1/rename?name=a%00b', undefined)).toBe(
      '400 invalid URL: it holds a NUL character',
    );
    const { status } = await api.call('GET', '/containers/c1/top?ps_args=-e%00');
    expect(status).toBe(400);
  });

  it('what a program or a person is to have stays as it is', async () => {
    const body = {
      Image: 'x',
      Hostname: 'my_host.example.com',
      Domainname: 'example.com',
      Cmd: ['sh', '-c', 'echo a\necho b'],
      Env: ['CERT=-----\n-----'],
      Labels: { text: 'two\nlines' },
      HostConfig: {
        Dns: ['1.1.1.1', 'fd00::1'],
        DnsSearch: ['.', 'a_b.example.'],
        DnsOptions: ['ndots:2', 'use-vc', 'timeout:3'],
        ExtraHosts: ['a:1.2.3.4', 'b:fd00::1', 'host.docker.internal:host-gateway', 'e_f.g:1.1.1.1'],
      },
    };
    expect((await api.call('POST', '/containers/create?name=free', body)).status).toBe(201);
    const { Config, HostConfig } = (await api.call('GET', '/containers/free/json')).json() as {
      Config: { Cmd: string[]; Env: string[]; Labels: object; Hostname: string };
      HostConfig: typeof body.HostConfig;
    };
    expect(Config).toMatchObject({
      Cmd: body.Cmd,
      Env: body.Env,
      Labels: body.Labels,
      Hostname: body.Hostname,
    });
    expect(HostConfig).toMatchObject(body.HostConfig);
    expect(extraHostsOf(body.HostConfig.ExtraHosts, ['172.18.0.1', 'fd00::9'])).toEqual([
      { name: 'a', address: '1.2.3.4' },
      { name: 'b', address: 'fd00::1' },
      { name: 'host.docker.internal', address: '172.18.0.1' },
      { name: 'host.docker.internal', address: 'fd00::9' },
      { name: 'e_f.g', address: '1.1.1.1' },
    ]);
  });
});

/** Whatever checked a text before, the one who writes the file is the last to look. */
describe('files that a container reads', () => {
  it('are not written with a line too many', async () => {
    const hosts = { hostname: 'h', domainname: '', addresses: ['172.18.0.2'], extraHosts: [] };
    const conf = { host: '', resolver: '172.18.0.1', dns: [], search: [], options: [], isOnHost: false };
    const problem = /is no line of a file: it holds a control character$/;
    expect(() => renderHosts({ ...hosts, hostname: 'h\n6.6.6.6 evil' })).toThrow(problem);
    expect(() => renderHosts({ ...hosts, extraHosts: [{ name: 'a\rb', address: '1.1.1.1' }] })).toThrow(
      problem,
    );
    expect(() => renderResolvConf({ ...conf, options: ['a\nb'] })).toThrow(problem);
    expect(() => renderResolvConf({ ...conf, dns: ['1.1.1.1\u2028'] })).toThrow(problem);
    const root = join(tmpdir(), `flt-files-${newId().slice(0, 8)}`);
    const paths = pathsOf(root, newId());
    writeNetworkFiles(paths, { resolvConf: renderResolvConf(conf), hosts: renderHosts(hosts) });
    expect(() => writeIdentityFiles(paths, 'h\nx')).toThrow(problem);
    expect(await readFile(paths.resolvConf, 'utf8')).toBe('nameserver 172.18.0.1\noptions ndots:0\n');
    await rm(root, { recursive: true });
  });
});

/** Whoever else writes to the KV store is not trusted to write records. */
describe('records of the KV store', () => {
  const problemOf = (schema: Parameters<typeof decode>[0], record: unknown) => {
    const decoded = decode(schema, { value: JSON.stringify(record) });
    return decoded.ok ? 'taken' : decoded.problem;
  };

  it('with control characters are none, but for labels', () => {
    const network = networkOf({ name: 'bridge', scope: 'local', addressed: true });
    expect(problemOf(networkSchema, network)).toBe('taken');
    expect(problemOf(networkSchema, { ...network, labels: { a: 'two\nlines' } })).toBe('taken');
    expect(problemOf(networkSchema, { ...network, name: 'a\nb' })).toBe('name: it holds a control character');
    expect(problemOf(networkSchema, { ...network, name: 'a\u009bb' })).toBe(
      'name: it holds a control character',
    );
    expect(problemOf(networkSchema, { ...network, options: { a: '\u001b[2J' } })).toBe(
      'options.a: it holds a control character',
    );
  });

  it('with an address that is more than one word are none', () => {
    const node = { id: newId(), name: 'n', version: '1', started: 'x' };
    expect(problemOf(nodeSchema, { ...node, advertise: '192.0.2.1' })).toBe('taken');
    expect(problemOf(nodeSchema, { ...node, advertise: '192.0.2.1 dev lo' })).toMatch(/^advertise: /);
    const service = {
      ...{ id: newId(), networkId: newId(), name: 's', created: 'x', shared: false, endpointId: newId() },
      ...{ aliases: [], ports: [] },
    };
    expect(problemOf(serviceSchema, { ...service, ipv4: '10.1.0.2/24', mac: '02:42:0a:01:00:02' })).toBe(
      'taken',
    );
    expect(problemOf(serviceSchema, { ...service, ipv4: '10.1.0.2/24 dev lo' })).toMatch(/^ipv4: /);
    expect(problemOf(serviceSchema, { ...service, mac: '02:42:0a:01:00:02 dev lo' })).toMatch(/^mac: /);
  });
});
