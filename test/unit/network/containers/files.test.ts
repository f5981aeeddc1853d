import { describe, expect, it } from 'vitest';
import { endpointFor } from '../../../../src/cluster/endpoints/endpoint.ts';
import type { Attachment, Container, ContainerSpec } from '../../../../src/container/container.ts';
import { defaultIsolation } from '../../../../src/container/isolation.ts';
import { filesFor, type HostFiles } from '../../../../src/network/containers/files.ts';
import { containerSpec } from '../../../rig/container-spec.ts';

const id = 'c'.repeat(64);
const host: HostFiles = {
  resolvConf: `# of the host
domain old.example
nameserver 127.0.0.53
nameserver 10.0.0.53
nameserver nonsense
search corp.example sub.corp.example
options edns0
options trust-ad
sortlist 130.155.160.0/255.255.240.0
`,
  hosts: '127.0.0.1 localhost myhost\n',
};

interface On {
  readonly ipv4: string;
  readonly gateway?: string;
  readonly gateway6?: string;
  readonly resolver?: string;
}

const foo: On = { ipv4: '172.18.0.2/16', gateway: '172.18.0.1', resolver: '172.18.0.1' };
const bar: On = { ipv4: '172.19.0.2/16', gateway: '172.19.0.1', resolver: '172.19.0.1' };

function attachment({ ipv4, ...ways }: On): Attachment {
  const identity = { id: 'e', networkId: 'n', nodeId: 'd', created: '', ipv4 };
  const holder = { id, name: 'c1', spec: { exposedPorts: [] } };
  const source = { kind: 'veth', hostName: 'v', bridge: 'b' } as const;
  const endpoint = endpointFor(identity, holder, { aliases: [] });
  return { network: 'n', aliases: [], endpoint, interface: { name: 'eth0', source, ...ways } };
}

function files(spec: Partial<ContainerSpec>, on: readonly On[] = [foo], text = host.resolvConf) {
  const container: Container = {
    id,
    name: 'c1',
    created: '2024-01-01T00:00:00Z',
    spec: containerSpec({ networkMode: { kind: 'network', network: 'foo' }, ...spec }),
    state: { status: 'running', pid: 1, exitCode: 0, startedAt: '', finishedAt: '', error: '' },
    attachments: on.map(attachment),
  };
  return filesFor(container, [container], { ...host, resolvConf: text });
}

const sortlist = 'sortlist 130.155.160.0/255.255.240.0\n';
const inherited = 'search corp.example sub.corp.example\noptions edns0 trust-ad ndots:0\n';

/** What libnetwork/internal/resolvconf of Engine 28.5.2 makes of the same host's file, but for its comments. */
describe('resolv.conf', () => {
  it.each<readonly [string, Partial<ContainerSpec>, string]>([
    ['of the host: search list, options and other lines', {}, `${inherited}${sortlist}`],
    [
      '--dns-search',
      { dnsSearch: ['a.example'] },
      `search a.example\noptions edns0 trust-ad ndots:0\n${sortlist}`,
    ],
    ['--dns-search .', { dnsSearch: ['.'] }, `options edns0 trust-ad ndots:0\n${sortlist}`],
    [
      '--dns-option',
      { dnsOptions: ['use-vc'] },
      `search corp.example sub.corp.example\noptions use-vc ndots:0\n${sortlist}`,
    ],
    [
      '--dns-option ndots',
      { dnsOptions: ['ndots:3', 'use-vc'] },
      `search corp.example sub.corp.example\noptions ndots:3 use-vc\n${sortlist}`,
    ],
    [
      'an ndots that is no number',
      { dnsOptions: ['ndots:x', 'ndots'] },
      `search corp.example sub.corp.example\noptions ndots:0\n${sortlist}`,
    ],
    [
      '--dns, which ours asks',
      { dns: ['1.1.1.1', '127.0.0.1'] },
      `${inherited}${sortlist}# ExtServers: [1.1.1.1 127.0.0.1]\n`,
    ],
  ])('has one server, ours, and %s', (_what, spec, rest) => {
    expect(files(spec).resolvConf).toBe(`nameserver 172.18.0.1\n${rest}`);
  });

  it('has one server on several networks, too', () => {
    expect(files({}, [foo, bar]).resolvConf).toBe(`nameserver 172.18.0.1\n${inherited}${sortlist}`);
  });

  it('keeps the host’s ndots, and says no more than the host where that says nothing', () => {
    expect(files({}, [foo], 'options ndots:2 edns0\n').resolvConf).toBe(
      'nameserver 172.18.0.1\noptions ndots:2 edns0\n',
    );
    expect(files({}, [foo], '').resolvConf).toBe('nameserver 172.18.0.1\noptions ndots:0\n');
    expect(files({}, [foo], 'search .\n').resolvConf).toBe('nameserver 172.18.0.1\noptions ndots:0\n');
  });

  it('is the host’s as it is with --net host, unless something else is asked for', () => {
    const mode: Partial<ContainerSpec> = { networkMode: { kind: 'host' } };
    expect(files(mode, [])).toEqual(host);
    expect(files({ ...mode, dns: ['192.0.2.1'] }, []).resolvConf).toBe(
      `nameserver 192.0.2.1\nsearch corp.example sub.corp.example\noptions edns0 trust-ad\n${sortlist}`,
    );
    expect(files({ ...mode, dnsSearch: ['.'] }, []).resolvConf).toBe(
      `nameserver 127.0.0.53\nnameserver 10.0.0.53\noptions edns0 trust-ad\n${sortlist}`,
    );
    expect(files({ ...mode, extraHosts: ['x:192.0.2.9'] }, []).hosts).toMatch(/^192\.0\.2\.9\tx$/m);
  });

  it('has servers that it reaches where we have none', () => {
    const without: On = { ipv4: '172.20.0.2/16' };
    const rest = `search corp.example sub.corp.example\noptions edns0 trust-ad\n${sortlist}`;
    expect(files({}, [without]).resolvConf).toBe(`nameserver 10.0.0.53\n${rest}`);
    expect(files({ dns: ['192.0.2.1'] }, [without]).resolvConf).toBe(`nameserver 192.0.2.1\n${rest}`);
  });
});

describe('hosts', () => {
  it.each([
    ['web', '', 'web'],
    ['web', 'example.com', 'web.example.com web'],
    ['kafka.example.com', '', 'kafka.example.com kafka'],
    ['', '', id.slice(0, 12)],
  ])('calls %j of domain %j %s', (hostname, domainname, names) => {
    expect(files({ hostname, domainname }).hosts).toContain(`172.18.0.2\t${names}\n`);
  });

  it('has nothing of IPv6 where the container has none, but what was asked for', () => {
    const sysctls = { 'net.ipv6.conf.all.disable_ipv6': '1' };
    const isolation = { ...defaultIsolation, sysctls };
    const extraHosts = ['x:2001:db8::1'];
    expect(files({ isolation, extraHosts }).hosts).toBe(
      `127.0.0.1\tlocalhost\n2001:db8::1\tx\n172.18.0.2\t${id.slice(0, 12)}\n`,
    );
  });

  it('knows the host’s addresses as host-gateway, on internal networks as well', () => {
    const extraHosts = ['host.docker.internal:host-gateway'];
    const lines = (joined: readonly On[]) =>
      files({ extraHosts }, joined).hosts.match(/^\S+\thost\.docker\.internal$/gm);
    expect(lines([{ ...foo, gateway6: 'fd00::1' }])).toEqual([
      '172.18.0.1\thost.docker.internal',
      'fd00::1\thost.docker.internal',
    ]);
    const { gateway: _, ...internal } = foo;
    expect(lines([internal])).toEqual(['172.18.0.1\thost.docker.internal']);
  });
});
