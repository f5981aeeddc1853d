import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Container } from '../../../src/container/container.ts';
import type { ReachTarget } from '../../../src/dataplane/inspection.ts';
import { createDns, type Dns } from '../../../src/dns/dns.ts';
import { createProbe, type Probe } from '../../../src/dns/probe.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { FakeNames, makeEndpoint, makeNetwork, nextId } from './fixture.ts';

const foo = makeNetwork('foo', '10.1.0.0/24');
const c1 = nextId('a1');
const c2 = nextId('a2');
const c4 = nextId('ca');

let names: FakeNames;
let dns: Dns;
let probe: Probe;
let containers: Container[];
const asked: [string, ReachTarget][] = [];

function container(id: string, name: string, status: Container['state']['status'] = 'running'): Container {
  return {
    id,
    name,
    created: '',
    attachments: [],
    state: { status, pid: 1, exitCode: 0, startedAt: '', finishedAt: '', error: '' },
    spec: {
      name,
      image: 'busybox',
      command: [],
      env: [],
      workingDir: '',
      user: '',
      hostname: name,
      domainname: '',
      tty: false,
      openStdin: false,
      labels: {},
      networkMode: { kind: 'none' },
      dns: [],
      dnsSearch: [],
      dnsOptions: [],
      extraHosts: [],
      exposedPorts: [],
      autoRemove: false,
      publishServices: [],
      extras: {},
      attachments: [],
    },
  };
}

beforeEach(() => {
  names = new FakeNames();
  const service = { name: 'my-service', containerId: c1, containerName: 'c1', serviceId: nextId() };
  names.set(foo, [
    makeEndpoint(foo, { ...service, ipv4: '10.1.0.2/24' }),
    makeEndpoint(foo, { name: 'c2', containerId: c2, ipv4: '10.1.0.3/24' }),
    makeEndpoint(foo, { name: 'bare', containerId: c4, containerName: 'bare' }),
  ]);
  dns = createDns({
    directory: names,
    log: silentLogger,
    options: { listen: 'none', upstreams: ['127.0.0.1:1'] },
  });
  containers = [container(c1, 'c1'), container(c2, 'c2'), container(nextId('a3'), 'c3')];
  asked.length = 0;
  probe = createProbe({
    directory: {
      nodes: () => [{ id: 'f'.repeat(64), name: 'node-1', version: '1', started: '' }],
    },
    dns,
    runtime: { list: () => containers, sandboxOf: (id) => `sandbox-${id.slice(0, 2)}` },
    dataplane: {
      async reach(from, to) {
        asked.push([from, to]);
        return { reachable: true, path: ['eth0', 'foo', 'eth0 of c1'] };
      },
    },
  });
});

afterEach(() => dns.close());

it('says who answers, and by what path it is reached', async () => {
  expect(await probe.probe('c2', 'my-service')).toEqual({
    container: 'c2',
    name: 'my-service',
    verdict: 'answered',
    rcode: 'NOERROR',
    answers: [
      {
        address: '10.1.0.2',
        network: 'foo',
        owner: 'service my-service',
        container: 'c1',
        node: 'node-1',
        reachable: true,
        path: ['eth0', 'foo', 'eth0 of c1'],
      },
    ],
  });
  expect(asked).toEqual([['sandbox-a2', { address: '10.1.0.2' }]]);
});

it('asks as the container whose network it shares', async () => {
  const sharing = (id: string, name: string, containerId: string): Container => {
    const one = container(id, name);
    return { ...one, spec: { ...one.spec, networkMode: { kind: 'container', containerId } } };
  };
  const [side, third] = [nextId('a5'), nextId('a6')];
  containers.push(sharing(side, 'side', c2), sharing(third, 'third', side));
  for (const name of ['side', 'third']) {
    expect(await probe.probe(name, 'my-service')).toMatchObject({
      container: name,
      verdict: 'answered',
      answers: [{ address: '10.1.0.2', reachable: true }],
    });
  }
});

it('says why there is no answer', async () => {
  expect(await probe.probe('c2', 'nope.foo')).toMatchObject({
    verdict: 'no-such-name',
    rcode: 'NXDOMAIN',
    answers: [],
    reason: 'nothing running has the name nope.foo, not on foo',
  });
  expect(await probe.probe('c3', 'my-service')).toMatchObject({
    verdict: 'no-such-name',
    reason: 'nothing running has the name my-service, and c3 is on no network',
  });
  expect(await probe.probe('c2', 'bare')).toMatchObject({
    verdict: 'no-address',
    rcode: 'NOERROR',
    reason: 'bare exists, but has no address',
  });
  expect(await probe.probe('c2', 'www.example.test')).toMatchObject({
    verdict: 'forwarded',
    rcode: 'SERVFAIL',
    reason: 'www.example.test is no name of foo; the upstream servers say: no address (SERVFAIL)',
  });
  expect(await probe.probe('c2', 'a..b')).toMatchObject({ verdict: 'no-such-name', rcode: 'FORMERR' });
});

it('does not try to reach anything from a container that is not running', async () => {
  containers = [container(c2, 'c2', 'exited')];
  const { answers } = await probe.probe('c2', 'my-service');
  expect(answers).toMatchObject([{ reachable: false, path: [], reason: 'c2 is not running' }]);
  expect(asked).toEqual([]);
});

it('refuses a container that does not exist', async () => {
  await expect(probe.probe('nobody', 'x')).rejects.toMatchObject({ kind: 'not-found' });
});

it('dump lists every name with its owner; resync says what the directory had not announced', () => {
  const [network] = dns.dump().networks;
  const lines = network?.names.map(({ name, owners }) => {
    return `${name}: ${owners.map(({ addresses, owner }) => `${addresses.join()} ${owner}`).join(' | ')}`;
  });
  expect(lines).toEqual([
    `${c1.slice(0, 12)}: 10.1.0.2 service my-service`,
    `${c2.slice(0, 12)}: 10.1.0.3 container c2`,
    'bare:  container bare',
    'c1: 10.1.0.2 service my-service',
    'c2: 10.1.0.3 container c2',
    `${c4.slice(0, 12)}:  container bare`,
    'my-service: 10.1.0.2 service my-service',
  ]);
  expect(network).toMatchObject({ id: foo.id, name: 'foo', withheld: [] });
  expect(dns.resync()).toEqual({ added: [], removed: [] });
  const sick = makeEndpoint(foo, { name: 'c1', containerId: c1, ipv4: '10.1.0.4/24', healthy: false });
  names.set(foo, [...names.endpointsOf(foo.id).slice(1), sick], false);
  expect(dns.dump().networks[0]?.names.some(({ name }) => name === 'my-service')).toBe(true);
  expect(dns.resync()).toEqual({
    added: [],
    removed: [
      `${c1.slice(0, 12)}.foo 10.1.0.2 (service my-service)`,
      'c1.foo 10.1.0.2 (service my-service)',
      'my-service.foo 10.1.0.2 (service my-service)',
    ],
  });
  expect(dns.dump().networks[0]?.withheld).toMatchObject([
    { addresses: ['10.1.0.4'], owner: 'container c1' },
  ]);
});
