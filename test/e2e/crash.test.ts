import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openEmbeddedStore } from '../../kvstore/local/embedded.ts';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { buildProgram } from '../rig/script.ts';
import { until } from '../rig/until.ts';

/** `kill -9` before each single step of an operation, then a restart: records and kernel must agree. */

interface Operation {
  readonly name: string;
  /** Brings the state about that the operation starts from, whatever a crash left of it. */
  readonly prepare: (daemon: TestDaemon) => Promise<void>;
  readonly run: (daemon: TestDaemon) => Promise<{ status: number }>;
}

const exists = async (daemon: TestDaemon, path: string) => (await daemon.call('GET', path)).status === 200;

async function must(
  answer: Promise<{ status: number; text: string }>,
  ...allowed: number[]
): Promise<string> {
  const { status, text } = await answer;
  if (status >= 400 && !allowed.includes(status)) throw new Error(`${status} ${text}`);
  return text;
}

async function ensureNetwork(daemon: TestDaemon): Promise<void> {
  if (!(await exists(daemon, '/networks/foo')))
    await must(daemon.call('POST', '/networks/create', { Name: 'foo' }));
}

async function serviceId(daemon: TestDaemon): Promise<string | undefined> {
  const { status, text } = await daemon.call('GET', '/v1.23/services?ref=svc.foo');
  return status === 200 ? z.tuple([z.object({ id: z.string() })]).parse(JSON.parse(text))[0].id : undefined;
}

async function ensurePublished(daemon: TestDaemon): Promise<string> {
  await ensureNetwork(daemon);
  const known = await serviceId(daemon);
  return (
    known ??
    JSON.parse(await must(daemon.call('POST', '/v1.23/services', { name: 'svc', network_name: 'foo' })))
  );
}

const detach = async (daemon: TestDaemon) =>
  daemon.call('DELETE', `/v1.23/services/${await serviceId(daemon)}/backend/c1`);

async function ensureNoNetwork(daemon: TestDaemon): Promise<void> {
  if (!(await exists(daemon, '/networks/foo'))) return;
  const id = await serviceId(daemon);
  if (id) await must(daemon.call('DELETE', `/v1.23/services/${id}?force=1`));
  await daemon.call('DELETE', '/containers/job?force=1');
  await must(daemon.call('DELETE', '/networks/foo'));
}

async function ensureJob(daemon: TestDaemon): Promise<void> {
  await ensureNetwork(daemon);
  if (await exists(daemon, '/containers/job/json')) return;
  const PortBindings = { '80/tcp': [{ HostPort: '18080' }] };
  const body = { Image: 'x', Cmd: ['sleep', '600'], HostConfig: { NetworkMode: 'foo', PortBindings } };
  await must(daemon.call('POST', '/containers/create?name=job', body));
}

const operations: readonly Operation[] = [
  {
    name: 'network create',
    prepare: ensureNoNetwork,
    run: (d) => d.call('POST', '/networks/create', { Name: 'foo' }),
  },
  {
    name: 'service publish',
    async prepare(d) {
      await ensureNetwork(d);
      const id = await serviceId(d);
      if (id) await must(d.call('DELETE', `/v1.23/services/${id}?force=1`));
    },
    run: (d) => d.call('POST', '/v1.23/services', { name: 'svc', network_name: 'foo' }),
  },
  {
    name: 'service attach',
    async prepare(d) {
      await ensurePublished(d);
      await detach(d);
    },
    run: async (d) => d.call('POST', `/v1.23/services/${await serviceId(d)}/backend`, { container_id: 'c1' }),
  },
  {
    name: 'service detach',
    async prepare(d) {
      const id = await ensurePublished(d);
      await d.call('POST', `/v1.23/services/${id}/backend`, { container_id: 'c1' });
    },
    run: detach,
  },
  {
    name: 'container start',
    async prepare(d) {
      await ensureJob(d);
      await must(d.call('POST', '/containers/job/stop?t=1'), 304);
    },
    run: (d) => d.call('POST', '/containers/job/start'),
  },
  {
    name: 'container rm -f',
    async prepare(d) {
      await ensureJob(d);
      await must(d.call('POST', '/containers/job/start'), 304);
    },
    run: (d) => d.call('DELETE', '/containers/job?force=1'),
  },
  {
    name: 'network rm',
    async prepare(d) {
      await ensureNoNetwork(d);
      await ensureNetwork(d);
    },
    run: (d) => d.call('DELETE', '/networks/foo'),
  },
];

describe.each(['linux', 'simulated'])('kill -9 between any two steps, %s', (dataplane) => {
  let host: TestHost;
  let daemon: TestDaemon;
  let tag: string;
  let witness: number;

  const armFile = () => join(daemon.dataRoot, 'steps-left');

  beforeAll(async () => {
    host = await TestHost.create();
    const source = fileURLToPath(new URL('../rig/crash-daemon.ts', import.meta.url));
    const { path, remembersCode } = await buildProgram(source);
    daemon = await TestDaemon.start({
      namespace: host.path,
      program: (dataRoot) => [path, dataRoot, dataplane, join(dataRoot, 'steps-left')],
      env: remembersCode,
    });
    await daemon.kill('SIGTERM');
    await daemon.start();
    tag = (await readFile(join(daemon.dataRoot, 'node-id'), 'utf8')).slice(0, 4);
    for (const name of ['c1', 'c2']) {
      await must(
        daemon.call('POST', `/containers/create?name=${name}`, { Image: 'x', Cmd: ['sleep', '3600'] }),
      );
      await must(daemon.call('POST', `/containers/${name}/start`));
    }
    witness = (await inspect('c2')).State.Pid;
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const inspect = async (ref: string) =>
    z
      .object({
        Id: z.string(),
        State: z.object({ Running: z.boolean(), Pid: z.number() }),
        NetworkSettings: z.object({
          Networks: z.record(z.string(), z.object({ IPAddress: z.string() })),
          Ports: z.record(z.string(), z.unknown()),
        }),
      })
      .parse(JSON.parse(await must(daemon.call('GET', `/containers/${ref}/json`))));

  it.each(operations)('$name', async ({ prepare, run }) => {
    let died = true;
    for (let steps = 0; died; steps += 1) {
      await prepare(daemon);
      await writeFile(armFile(), String(steps));
      const answer = await run(daemon).catch(() => undefined);
      died = answer === undefined;
      await rm(armFile(), { force: true });
      if (answer) expect(answer.status, JSON.stringify(answer)).toBeLessThan(300);
      if (!died) expect(steps).toBeGreaterThan(0);
      if (died) {
        await daemon.ended();
        await daemon.start();
        await expectAgreement(`after ${steps} steps`);
      }
    }
  });

  it('leaves no address and no endpoint without an owner', async () => {
    await daemon.kill('SIGTERM');
    const store = await openEmbeddedStore(join(daemon.dataRoot, 'store'));
    try {
      const values = async (folder: string) =>
        (await store.list(folder)).map(({ value }) => z.object({ id: z.string() }).parse(JSON.parse(value)));
      const owners = new Set(
        [...(await values('endpoints/')), ...(await values('services/'))].map(({ id }) => id),
      );
      const addresses = await values('addresses/');
      expect(addresses.filter(({ id }) => !owners.has(id))).toEqual([]);
      expect((await store.list('endpoints/')).length).toBe(addresses.length);
    } finally {
      await store.close();
    }
    await daemon.start();
  });

  /** What the API says and what the kernel holds, compared; in the simulated mode there is only the API. */
  async function expectAgreement(when: string): Promise<void> {
    const ids = z
      .array(z.object({ Id: z.string() }))
      .parse(JSON.parse(await must(daemon.call('GET', '/containers/json'))));
    const running = await Promise.all(ids.map(({ Id }) => inspect(Id)));
    await expectService(when);
    const hasPort = running.some(({ NetworkSettings }) => NetworkSettings.Ports['80/tcp']);
    if (dataplane !== 'linux') return;
    expect((await inspect('c2')).State.Pid, when).toBe(witness);
    expect((await host.run('nft', 'list', 'ruleset')).includes('18080'), when).toBe(hasPort);
    expect(() => process.kill(witness, 0), when).not.toThrow();

    const namespaces = (await daemon.inHost('ip', 'netns', 'list')).stdout
      .split('\n')
      .map((line) => line.split(' ')[0]);
    const ours = namespaces.filter((name) => name?.startsWith(`fl${tag}-`)).sort();
    expect(ours, when).toEqual(running.map(({ Id }) => `fl${tag}-${Id.slice(0, 12)}`).sort());

    let ends = 0;
    for (const { Id, NetworkSettings } of running) {
      const links = await host.links(`fl${tag}-${Id.slice(0, 12)}`);
      const inKernel = links.filter(({ ifname }) => ifname !== 'lo').flatMap(({ addresses }) => addresses);
      ends += inKernel.length;
      const inRecords = Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress);
      expect(inKernel.map((cidr) => cidr.split('/')[0]).sort(), when).toEqual(inRecords.sort());
    }
    const networks = z
      .array(z.object({ Driver: z.string() }))
      .parse(JSON.parse(await must(daemon.call('GET', '/networks'))));
    const bridges = networks.filter(({ Driver }) => Driver === 'bridge').length;
    const links = (await host.linkNames()).filter((name) => name.startsWith(`fl${tag}`));
    expect(
      links.filter((name) => name.includes('-')),
      when,
    ).toHaveLength(bridges);
    expect(
      links.filter((name) => !name.includes('-')),
      when,
    ).toHaveLength(ends);
  }

  /** A provider that is shown is in DNS within a second of the start, and one that is not is not. */
  async function expectService(when: string): Promise<void> {
    const { status, text } = await daemon.call('GET', '/v1.23/services?ref=svc.foo');
    if (status !== 200) return;
    const [service] = z
      .tuple([z.object({ ipv4: z.string(), providers: z.array(z.object({ container_id: z.string() })) })])
      .parse(JSON.parse(text));
    const attached = service.providers.length > 0;
    const dump = () => daemon.call('GET', '/fairlead/dns');
    const answered = await until(
      `dns ${when}`,
      dump,
      ({ text: names }) => names.includes('"svc"') === attached,
      1000,
    );
    if (attached) expect(answered.text, when).toContain(service.ipv4.split('/')[0]);
  }
});
