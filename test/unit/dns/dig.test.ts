import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDns, type Dns } from '../../../src/dns/dns.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { askUdp, eventually, FakeNames, makeEndpoint, makeNetwork, makeQuery, nextId } from './fixture.ts';

/** What people will look with: dig, against a server on loopback and a real second resolver behind it. */

const run = promisify(execFile);

const names = new FakeNames();
const foo = makeNetwork('foo', '127.0.30.0/24');
const bar = makeNetwork('bar', '127.0.31.0/24');
const both = nextId('b');
let dns: Dns;
let port = 0;
let gatewayPort = 0;
let stopDnsmasq: () => Promise<void>;

beforeAll(async () => {
  names.set(foo, [
    makeEndpoint(foo, {
      name: 'my-service',
      containerName: 'c1',
      serviceId: nextId(),
      ipv4: '127.0.30.2/24',
      ports: [{ protocol: 'tcp', port: 80 }],
    }),
    makeEndpoint(foo, { name: 'c2', containerId: both, ipv4: '127.0.30.3/24' }),
    ...Array.from({ length: 60 }, (_, n) =>
      makeEndpoint(foo, { name: `n${n}`, aliases: ['big'], ipv4: `127.0.30.${n + 100}/24` }),
    ),
  ]);
  names.set(bar, [
    makeEndpoint(bar, { name: 'c3', ipv4: '127.0.31.2/24' }),
    makeEndpoint(bar, { name: 'c2', containerId: both, ipv4: '127.0.31.3/24' }),
  ]);
  const upstreamPort = await startDnsmasq();
  dns = createDns({
    directory: names,
    log: silentLogger,
    options: { listen: '127.0.0.1:0', gatewayPort: 0, upstreams: [`127.0.0.1:${upstreamPort}`] },
  });
  await dns.start();
  await dns.ensureListeners([{ networkId: foo.id, address: '127.0.30.1' }]);
  port = dns.status().listeners[0]?.port ?? 0;
  gatewayPort = dns.status().listeners[1]?.port ?? 0;
});

afterAll(async () => {
  await dns.close();
  await stopDnsmasq();
});

async function startDnsmasq(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port: free } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  const records = [
    '--host-record=www.example.test,192.0.2.7',
    '--txt-record=txt.example.test,hello',
    '--local=/test/',
  ];
  const child = spawn(
    'dnsmasq',
    [
      '--keep-in-foreground',
      `--port=${free}`,
      '--listen-address=127.0.0.1',
      '--bind-interfaces',
      '--no-resolv',
      '--no-hosts',
      '--conf-file=/dev/null',
      '--user=root',
      '--pid-file=',
      '--local-ttl=33',
      ...records,
    ],
    { stdio: 'ignore' },
  );
  stopDnsmasq = () =>
    new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.kill('SIGTERM');
    });
  await eventually(() =>
    askUdp(makeQuery('www.example.test'), { address: '127.0.0.1', port: free }, { waitMs: 100 }),
  );
  return free;
}

interface Dug {
  readonly status: string | undefined;
  readonly flags: string | undefined;
  readonly counts: string | undefined;
  readonly answers: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  readonly text: string;
}

/** As the asker at this address, on foo's gateway. */
function digFrom(address: string, ...args: string[]): Promise<Dug> {
  return dig('-b', address, '@127.0.30.1', '-p', String(gatewayPort), ...args);
}

function digHost(...args: string[]): Promise<Dug> {
  return dig('@127.0.0.1', '-p', String(port), ...args);
}

async function dig(...args: string[]): Promise<Dug> {
  const { stdout } = await run('dig', ['+tries=1', '+time=3', '+nocookie', ...args]);
  const section = (name: string) => {
    const text = stdout.split(`;; ${name} SECTION:\n`)[1]?.split('\n\n')[0] ?? '';
    return text
      .split('\n')
      .filter((line) => line && !line.startsWith(';'))
      .map((line) => line.replace(/\s+/g, ' '));
  };
  return {
    status: /status: (\w+)/.exec(stdout)?.[1],
    flags: /flags: ([a-z ]+);/.exec(stdout)?.[1],
    counts: /QUERY: \d+, ANSWER: \d+, AUTHORITY: \d+, ADDITIONAL: \d+/.exec(stdout)?.[0],
    answers: section('ANSWER'),
    authority: section('AUTHORITY'),
    additional: section('ADDITIONAL'),
    text: stdout,
  };
}

const soaOf = (owner: string) =>
  expect.stringMatching(
    new RegExp(`^${owner} 5 IN SOA fairlead\\. hostmaster\\.fairlead\\. \\d+ 3600 600 86400 5$`),
  );
const me = '127.0.30.3';

describe('dig at a network’s gateway', () => {
  it('A, in the letters it was asked in', async () => {
    expect(await digFrom(me, 'My-SERVICE', '+noedns')).toMatchObject({
      status: 'NOERROR',
      flags: 'qr aa rd ra',
      counts: 'QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0',
      answers: ['My-SERVICE. 5 IN A 127.0.30.2'],
    });
  });

  it('AAAA of an IPv4-only name: NOERROR, empty, SOA', async () => {
    expect(await digFrom(me, 'my-service.foo', 'AAAA', '+noedns')).toMatchObject({
      status: 'NOERROR',
      flags: 'qr aa rd ra',
      counts: 'QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 0',
      authority: [soaOf('foo\\.')],
    });
  });

  it('PTR, and the way back', async () => {
    const reverse = await digFrom(me, '-x', '127.0.30.2');
    expect(reverse).toMatchObject({
      status: 'NOERROR',
      answers: ['2.30.0.127.in-addr.arpa. 5 IN PTR my-service.foo.'],
    });
    expect((await digFrom(me, 'my-service.foo')).answers).toEqual(['my-service.foo. 5 IN A 127.0.30.2']);
    expect(await digFrom(me, '-x', '127.0.30.1')).toMatchObject({
      status: 'NXDOMAIN',
      authority: [soaOf('30\\.0\\.127\\.in-addr\\.arpa\\.')],
    });
  });

  it('SRV', async () => {
    expect(await digFrom(me, '_80._tcp.my-service.foo', 'SRV', '+noedns')).toMatchObject({
      status: 'NOERROR',
      answers: ['_80._tcp.my-service.foo. 5 IN SRV 0 0 80 my-service.foo.'],
      additional: ['my-service.foo. 5 IN A 127.0.30.2'],
    });
  });

  it.each([
    ['nope', '\\.'],
    ['nope.foo', 'foo\\.'],
  ])('%s: NXDOMAIN', async (name, authority) => {
    expect(await digFrom(me, name)).toMatchObject({
      status: 'NXDOMAIN',
      flags: 'qr aa rd ra',
      authority: [soaOf(authority)],
    });
  });

  it('ANY, over TCP as dig does', async () => {
    expect((await digFrom(me, 'my-service', 'ANY')).answers).toEqual(['my-service. 5 IN A 127.0.30.2']);
  });

  it('class CH: REFUSED', async () => {
    expect(await digFrom(me, 'version.bind', 'TXT', 'CH')).toMatchObject({ status: 'REFUSED', answers: [] });
  });

  it('EDNS version 1: BADVERS; an unknown opcode: NOTIMP; QDCOUNT 0: FORMERR', async () => {
    expect((await digFrom(me, 'my-service', '+edns=1', '+noednsneg')).status).toBe('BADVERS');
    expect((await digFrom(me, 'my-service', '+opcode=5')).status).toBe('NOTIMP');
    expect((await digFrom(me, 'my-service', '+header-only')).status).toBe('FORMERR');
  });

  it('60 addresses: cut on UDP, whole with EDNS and on TCP', async () => {
    const cut = await digFrom(me, 'big', '+noedns', '+ignore');
    expect(cut).toMatchObject({
      flags: 'qr aa tc rd ra',
      counts: 'QUERY: 1, ANSWER: 30, AUTHORITY: 0, ADDITIONAL: 0',
    });
    const edns = await digFrom(me, 'big', '+bufsize=1232', '+ignore');
    expect(edns).toMatchObject({
      flags: 'qr aa rd ra',
      counts: 'QUERY: 1, ANSWER: 60, AUTHORITY: 0, ADDITIONAL: 1',
    });
    expect(edns.text).toContain('; EDNS: version: 0, flags:; udp: 1232');
    const tcp = await digFrom(me, 'big', '+tcp', '+noedns');
    expect(new Set(tcp.answers).size).toBe(60);
    expect((await digFrom(me, 'big', '+noedns')).answers.length).toBe(60);
  });

  it('rotation', async () => {
    const first = async () => (await digFrom(me, 'big', '+tcp')).answers[0];
    expect(new Set([await first(), await first(), await first()]).size).toBe(3);
  });

  it('is known by its address: both networks of c2, one of c1, foo for strangers', async () => {
    expect((await digFrom('127.0.30.3', 'c3')).answers).toEqual(['c3. 5 IN A 127.0.31.2']);
    expect((await digFrom('127.0.30.2', 'c3')).status).toBe('NXDOMAIN');
    expect((await digFrom('127.0.30.2', 'c3.bar')).status).toBe('REFUSED');
    expect((await digFrom('127.0.30.1', 'c2')).answers).toEqual(['c2. 5 IN A 127.0.30.3']);
  });
});

describe('dig at the host’s listener', () => {
  it('NAME.NETWORK of every network, no single labels', async () => {
    expect((await digHost('my-service.foo')).answers).toEqual(['my-service.foo. 5 IN A 127.0.30.2']);
    expect((await digHost('c3.bar')).answers).toEqual(['c3.bar. 5 IN A 127.0.31.2']);
    expect((await digHost('my-service')).status).toBe('NXDOMAIN');
  });

  it('+subnet: as that container sees it', async () => {
    const seen = await digHost('+subnet=127.0.30.3/32', 'my-service');
    expect(seen.answers).toEqual(['my-service. 5 IN A 127.0.30.2']);
    expect(seen.text).toContain('; CLIENT-SUBNET: 127.0.30.3/32/32');
    expect((await digHost('+subnet=127.0.31.2/32', 'my-service')).status).toBe('NXDOMAIN');
    const all = await digHost('+subnet=0/0', 'my-service.foo');
    expect(all.answers).toEqual(['my-service.foo. 5 IN A 127.0.30.2']);
    expect(all.text).toContain('; CLIENT-SUBNET: 0.0.0.0/0/0');
  });
});

describe('dig for what is not ours, through dnsmasq', () => {
  it('gets the records with their TTL, without AA of ours', async () => {
    const { answers, flags, status } = await digFrom(me, 'www.example.test');
    expect([status, answers]).toEqual(['NOERROR', ['www.example.test. 33 IN A 192.0.2.7']]);
    expect(flags).toMatch(/^qr (aa )?rd ra$/);
    expect((await digHost('txt.example.test', 'TXT', '+tcp')).answers).toEqual([
      'txt.example.test. 33 IN TXT "hello"',
    ]);
    expect((await digHost('nope.example.test')).status).toBe('NXDOMAIN');
  });

  it('the same for a probe: lookupAs', async () => {
    expect(await dns.lookupAs(both, 'www.example.test')).toEqual({
      rcode: 'NOERROR',
      forwarded: true,
      answers: [{ address: '192.0.2.7' }],
      searched: ['foo', 'bar'],
    });
  });
});
