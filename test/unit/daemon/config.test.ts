import { describe, expect, it } from 'vitest';
import { type HostFacts, parseConfig } from '../../../src/daemon/config.ts';

const root: HostFacts = { env: {}, uid: 0, home: '/root', hostname: 'h1' };
const user: HostFacts = {
  env: { XDG_RUNTIME_DIR: '/run/user/7' },
  uid: 7,
  home: '/home/u',
  hostname: 'h1',
};
const parse = (flags: Record<string, unknown>, file: Record<string, unknown> = {}) =>
  parseConfig(flags, file, root);

describe('daemon config', () => {
  it('has a default for everything', () => {
    expect(parse({})).toEqual({
      hosts: [{ kind: 'unix', path: '/run/fairlead.sock' }],
      apiNames: [],
      dataRoot: '/var/lib/fairlead',
      defaultNetwork: { driver: 'bridge', name: 'bridge' },
      kvStore: undefined,
      kvStoreOptions: {},
      dataplane: 'auto',
      engine: { kind: 'auto' },
      nodeName: 'h1',
      advertise: undefined,
      pluginSocket: { kind: 'socket', path: '/run/docker/plugins/fairlead.sock', name: 'fairlead' },
      pluginDirectory: undefined,
      defaultAddressPools: [],
      dns: {
        listen: { address: '127.0.0.1', port: 5354 },
        servers: [],
        ttlSeconds: 5,
        maxInflight: 1024,
        forwardSingleLabel: false,
      },
      leaseTtlSeconds: 15,
      tunnelKeyLifetimeSeconds: 3600,
      vxlanPort: 4789,
      tls: undefined,
      ephemeral: false,
      restore: false,
      logLevel: 'info',
      logFormat: 'auto',
    });
  });

  it('keeps to the user without root', () => {
    const config = parseConfig({}, {}, user);
    expect(config.hosts).toEqual([{ kind: 'unix', path: '/run/user/7/fairlead.sock' }]);
    expect(config.dataRoot).toBe('/home/u/.local/share/fairlead');
  });

  it('parses every value grammar', () => {
    const config = parse({
      host: ['unix:///tmp/a.sock', 'tcp://127.0.0.1:7000', 'tcp://[::1]:2376'],
      'default-network': 'overlay:multi:host',
      'kv-store': 'zk:z1:2181,z2:2181/fleet',
      'kv-store-opt': ['token=a=b', 'user=x'],
      'dns-listen': 'none',
      dns: ['9.9.9.9', '127.0.0.1#5399'],
      'dns-ttl': 0,
      'lease-ttl': '2m',
      'default-address-pool': ['base=10.5.0.0/16,size=24'],
      engine: 'unix:///run/docker.sock',
      advertise: 'eth0',
      debug: true,
    });
    expect(config.hosts).toEqual([
      { kind: 'unix', path: '/tmp/a.sock' },
      { kind: 'tcp', host: '127.0.0.1', port: 7000, tls: false },
      { kind: 'tcp', host: '::1', port: 2376, tls: true },
    ]);
    expect(config.defaultNetwork).toEqual({ driver: 'overlay', name: 'multi:host' });
    expect(config.kvStore).toBe('zk:z1:2181,z2:2181/fleet');
    expect(config.kvStoreOptions).toEqual({ token: 'a=b', user: 'x' });
    expect(config.dns.listen).toBeUndefined();
    expect(config.dns.servers).toEqual([
      { address: '9.9.9.9', port: 53 },
      { address: '127.0.0.1', port: 5399 },
    ]);
    expect(config.dns.ttlSeconds).toBe(0);
    expect(config.leaseTtlSeconds).toBe(120);
    expect(config.defaultAddressPools).toEqual([{ base: '10.5.0.0/16', size: 24 }]);
    expect(config.engine).toEqual({ kind: 'socket', path: '/run/docker.sock' });
    expect(config.logLevel).toBe('debug');
  });

  it('lets a flag go before the config file', () => {
    const config = parse({ 'dns-ttl': 1 }, { 'dns-ttl': 9, 'node-name': 'n' });
    expect([config.dns.ttlSeconds, config.nodeName]).toEqual([1, 'n']);
  });

  it.each([
    [
      { 'default-network': 'foo' },
      'invalid argument for "--default-network" flag: "foo": default network daemon config must be of the form NETWORKDRIVER:NETWORKNAME',
    ],
    [
      { 'default-network': 'bridge:' },
      'invalid argument for "--default-network" flag: "bridge:": default network daemon config must be of the form NETWORKDRIVER:NETWORKNAME',
    ],
    [
      { 'kv-store': 'consul' },
      'invalid argument for "--kv-store" flag: invalid kv store URL: "" is not a host and port; expected consul:localhost:8500[,HOST:PORT…][/PATH]',
    ],
    [
      { 'kv-store': 'redis:x:1' },
      'invalid argument for "--kv-store" flag: unknown kv store provider "redis": use one of consul, etcd, zookeeper, as in consul:localhost:8500',
    ],
    [{ 'kv-store-opt': ['x'] }, 'invalid argument for "--kv-store-opt" flag: expected KEY=VALUE'],
    [
      { host: ['ftp://x'] },
      'invalid argument for "--host" flag: "ftp://x": invalid host "ftp://x": expected unix:///path/to.sock or tcp://HOST:PORT',
    ],
    [
      { dataplane: 'vpp' },
      'invalid argument for "--dataplane" flag: "vpp": expected auto, linux or simulated',
    ],
    [
      { engine: 'maybe' },
      'invalid argument for "--engine" flag: "maybe": expected auto, none or unix:///PATH',
    ],
    [{ 'data-root': 'x' }, 'invalid argument for "--data-root" flag: "x": expected an absolute path'],
    [
      { 'dns-listen': 'x:53' },
      'invalid argument for "--dns-listen" flag: "x:53": expected ADDRESS:PORT or none',
    ],
    [
      { dns: ['resolver'] },
      'invalid argument for "--dns" flag: "resolver": expected ADDRESS or ADDRESS#PORT',
    ],
    [{ 'dns-ttl': -2 }, 'invalid argument for "--dns-ttl" flag: -2: expected a whole number from 0 to 86400'],
    [
      { 'dns-max-inflight': 0 },
      'invalid argument for "--dns-max-inflight" flag: 0: expected a whole number from 1 to 65536',
    ],
    [
      { 'lease-ttl': '1h' },
      'invalid argument for "--lease-ttl" flag: "1h": expected a time from 1s to 60m, such as 15s',
    ],
    [
      { 'log-level': 'loud' },
      'invalid argument for "--log-level" flag: "loud": expected trace, debug, info, warn, error, fatal, silent',
    ],
    [{ tlscert: '/x' }, 'TLS needs --tlscacert, --tlscert and --tlskey together'],
    [{ tls: true }, '--tls alone would let every client in: use --tlsverify, which asks for certificates'],
    [
      { 'default-address-pool': ['10.0.0.0/8'] },
      'invalid argument for "--default-address-pool" flag: "10.0.0.0/8": expected base=CIDR,size=BITS',
    ],
  ])('says in one line what is wrong with %j', (flags, message) => {
    expect(() => parse(flags)).toThrow(expect.objectContaining({ kind: 'invalid', message }));
  });

  it('names the config file for what stands there', () => {
    expect(() => parse({}, { colour: 1 })).toThrow('config file: unknown key "colour"');
    expect(() => parse({}, { dns: 'x' })).toThrow('config file: invalid value for "dns": "x"');
  });

  it("takes dockerd's keys `hosts` and `tls`", () => {
    const hosts = ['unix:///run/a.sock'];
    expect(parse({}, { hosts }).hosts).toEqual(parse({ host: hosts }).hosts);
    expect(() => parse({}, { host: hosts, hosts })).toThrow(
      'config file: "host" and "hosts" are one setting: expected one of them',
    );
    expect(() => parse({}, { hosts: ['x:y'] })).toThrow('config file: invalid value for "hosts"');
    const files = { tlscacert: '/ca', tlscert: '/cert', tlskey: '/key' };
    const tls = { ca: '/ca', cert: '/cert', key: '/key' };
    expect(parse({ tls: true, ...files }).tls).toEqual(tls);
    expect(parse({ tls: false, ...files }).tls).toBeUndefined();
    expect(parse({ tls: false, tlsverify: true, ...files }).tls).toEqual(tls);
  });
});
