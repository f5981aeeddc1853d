import { describe, expect, it } from 'vitest';
import { createTestApi } from '../../../rig/api.ts';

type TestApi = Awaited<ReturnType<typeof createTestApi>>;

async function run(api: TestApi, name: string, body: object = {}): Promise<void> {
  const created = await api.call('POST', `/containers/create?name=${name}`, { Image: 'x', ...body });
  expect([created.status, created.text]).toEqual([201, expect.stringContaining('"Warnings":[]')]);
  expect((await api.call('POST', `/containers/${name}/start`)).status).toBe(204);
}

const inspect = async (api: TestApi, name: string) =>
  Object((await api.call('GET', `/containers/${name}/json`)).json());

const addressesOf = async (api: TestApi, container: string, name: string) => {
  const probe = Object((await api.call('GET', `/fairlead/probe?container=${container}&name=${name}`)).json());
  return probe.answers.map(({ address }: { address: string }) => address);
};

describe('links', () => {
  it('of an endpoint are names that only its container sees, from create and from connect', async () => {
    await using api = await createTestApi();
    await api.call('POST', '/networks/create', { Name: 'n' });
    const onN = (Links: string[]) => ({
      HostConfig: { NetworkMode: 'n' },
      NetworkingConfig: { EndpointsConfig: { n: { Links } } },
    });
    await run(api, 'web', onN([]));
    await run(api, 'one', onN(['web:db', 'later']));
    await run(api, 'two', onN([]));
    const { IPAddress } = (await inspect(api, 'web')).NetworkSettings.Networks.n;
    expect((await inspect(api, 'one')).NetworkSettings.Networks.n.Links).toEqual(['web:db', 'later']);
    expect(await addressesOf(api, 'one', 'db')).toEqual([IPAddress]);
    expect(await addressesOf(api, 'two', 'db')).toEqual([]);
    const EndpointConfig = { Links: ['web:db'] };
    expect((await api.call('POST', '/networks/n/disconnect', { Container: 'two' })).status).toBe(200);
    expect((await api.call('POST', '/networks/n/connect', { Container: 'two', EndpointConfig })).status).toBe(
      200,
    );
    expect(await addressesOf(api, 'two', 'db')).toEqual([IPAddress]);
    await api.call('POST', '/containers/one/restart');
    expect(await addressesOf(api, 'one', 'db')).toEqual([IPAddress]);
  });

  it('of the default network are of containers that exist, and shown as the Engine shows them', async () => {
    await using api = await createTestApi();
    await run(api, 'web');
    await run(api, 'one', { HostConfig: { Links: ['web:db', 'web'] } });
    expect((await inspect(api, 'one')).HostConfig.Links).toEqual(['/web:/one/db', '/web:/one/web']);
    expect((await inspect(api, 'one')).NetworkSettings.Networks.bridge.Links).toBeNull();
    await api.call('POST', '/containers/web/rename?name=renamed');
    const { IPAddress } = (await inspect(api, 'renamed')).NetworkSettings.Networks.bridge;
    expect(await addressesOf(api, 'one', 'db')).toEqual([IPAddress]);
  });

  it.each([
    [{ Links: ['nope:x'] }, 'could not get container for nope: No such container: nope'],
    [{ Links: ['a:b:c'] }, 'bad format for links: a:b:c'],
    [{ Links: [''] }, 'empty string specified for links'],
    [
      { Links: ['web'], NetworkMode: 'host' },
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    ],
  ])('%j: %s', async (HostConfig, message) => {
    await using api = await createTestApi();
    await run(api, 'web');
    const answer = await api.call('POST', '/containers/create', { Image: 'x', HostConfig });
    expect([answer.status, answer.json()]).toEqual([400, { message }]);
  });

  it('are not taken for the container that `rm --link` names', async () => {
    await using api = await createTestApi();
    await run(api, 'web');
    expect((await api.call('DELETE', '/containers/web?link=1&force=1')).status).toBe(409);
    expect((await inspect(api, 'web')).State.Running).toBe(true);
  });
});

describe('networks without IPv4', () => {
  it('give IPv6 addresses only; older versions of the API know no such thing', async () => {
    await using api = await createTestApi();
    const body = {
      Name: 'six',
      EnableIPv4: false,
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: 'fd00:6::/64' }] },
    };
    await api.call('POST', '/networks/create', body);
    expect((await api.call('GET', '/networks/six')).json()).toMatchObject({
      EnableIPv4: false,
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: 'fd00:6::/64', Gateway: 'fd00:6::1' }] },
    });
    await run(api, 'c1', { HostConfig: { NetworkMode: 'six' } });
    expect((await inspect(api, 'c1')).NetworkSettings.Networks.six).toMatchObject({
      IPAddress: '',
      GlobalIPv6Address: 'fd00:6::2',
      MacAddress: '02:42:00:00:00:02',
    });
    await api.call('POST', '/v1.47/networks/create', { Name: 'old', EnableIPv4: false });
    expect((await api.call('GET', '/networks/old')).json()).toMatchObject({ EnableIPv4: true });
  });
});

describe('the end of a container', () => {
  const signals = (api: TestApi) =>
    api.model.events
      .past()
      .flatMap(({ Action, Actor }) => (Action === 'kill' ? [Actor.Attributes.signal] : []));

  it('is asked for with its own signal, and with SIGKILL by force', async () => {
    await using api = await createTestApi();
    await run(api, 'c1', { StopSignal: 'SIGUSR1', StopTimeout: 3 });
    await api.call('POST', '/containers/c1/stop');
    expect((await inspect(api, 'c1')).State).toMatchObject({ ExitCode: 138 });
    expect((await inspect(api, 'c1')).Config).toMatchObject({ StopSignal: 'SIGUSR1', StopTimeout: 3 });
    await api.call('POST', '/containers/c1/start');
    await api.call('POST', '/v1.42/containers/c1/stop?signal=INT');
    expect((await inspect(api, 'c1')).State).toMatchObject({ ExitCode: 130 });
    expect((await api.call('POST', '/containers/c1/stop?signal=NOPE')).status).toBe(304);
    await api.call('POST', '/containers/c1/start');
    expect((await api.call('POST', '/containers/c1/stop?signal=NOPE')).json()).toEqual({
      message: 'invalid signal: NOPE',
    });
    await api.call('DELETE', '/containers/c1?force=1');
    expect(signals(api)).toEqual(['10', '2', '9']);
    const actions = api.model.events.past().map(({ Action }) => Action);
    expect(actions.slice(-3)).toEqual(['die', 'disconnect', 'destroy']);
  });

  it('of one with a restart policy that has just ended is the last all the same', async () => {
    await using api = await createTestApi();
    await run(api, 'c1', { HostConfig: { RestartPolicy: { Name: 'always' } } });
    const { id } = api.model.containers.find('c1');
    // Its record says that it has ended, and not yet that it is to be started again.
    await api.model.containers.runtime.signal(id, 'SIGTERM');
    expect(api.model.containers.find('c1').supervision?.restarting ?? false).toBe(false);
    expect((await api.call('POST', '/containers/c1/stop')).status).toBe(304);
    expect(api.model.containers.find('c1').supervision).toMatchObject({ restarting: false, stopped: true });
  });

  it('before it began is told by inspect until the next start', async () => {
    await using api = await createTestApi();
    const ports = { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '18099' }] } } };
    await run(api, 'c1', ports);
    await api.call('POST', '/containers/create?name=c2', { Image: 'x', ...ports });
    const failed = await api.call('POST', '/containers/c2/start');
    expect(failed.status).toBe(409);
    expect((await inspect(api, 'c2')).State).toMatchObject({
      Status: 'created',
      ExitCode: 128,
      Error: Object(failed.json()).message,
    });
    await api.call('DELETE', '/containers/c1?force=1');
    await api.call('POST', '/containers/c2/start');
    expect((await inspect(api, 'c2')).State).toMatchObject({ Status: 'running', ExitCode: 0, Error: '' });
  });
});

describe('POST /containers/REF/update', () => {
  it('shows limits as Engine 28.5 does, which keeps them within each other, and says that nothing is limited', async () => {
    await using api = await createTestApi();
    const HostConfig = { Memory: 64_000_000, CpuShares: 512 };
    await api.call('POST', '/containers/create?name=c1', { Image: 'x', HostConfig });
    const { Id } = await inspect(api, 'c1');
    const update = async (body: object) => {
      const { status, text } = await api.call('POST', '/containers/c1/update', body);
      const { message, Warnings } = JSON.parse(text);
      return [status, message ?? Warnings];
    };
    const shown = async () => {
      const { Memory, MemorySwap, CpuShares, NanoCpus, PidsLimit } = (await inspect(api, 'c1')).HostConfig;
      return { Memory, MemorySwap, CpuShares, NanoCpus, PidsLimit };
    };
    const before = {
      Memory: 64_000_000,
      MemorySwap: 128_000_000,
      CpuShares: 512,
      NanoCpus: 0,
      PidsLimit: null,
    };
    expect(await shown()).toEqual(before);
    expect(await update({ CpuShares: 256 })).toEqual([
      200,
      ['Resources are not limited: CpuShares discarded.'],
    ]);
    const refused = `Cannot update container ${Id}: `;
    const swap =
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time';
    expect(await update({ Memory: 256_000_000 })).toEqual([409, refused + swap]);
    expect(await update({ Memory: 256_000_000, MemorySwap: -1, PidsLimit: 64 })).toMatchObject([200, {}]);
    expect(await update({ NanoCpus: 500_000_000 })).toMatchObject([200, {}]);
    expect(await update({ CpuPeriod: 100_000 })).toEqual([
      409,
      `${refused}Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set`,
    ]);
    expect(await shown()).toEqual({
      ...{ Memory: 256_000_000, MemorySwap: -1, CpuShares: 256, NanoCpus: 500_000_000, PidsLimit: 64 },
    });
  });

  it('changes the restart policy, and says what it cannot change', async () => {
    await using api = await createTestApi();
    await run(api, 'c1');
    const RestartPolicy = { Name: 'on-failure', MaximumRetryCount: 3 };
    const changed = await api.call('POST', '/containers/c1/update', { RestartPolicy, CpuShares: 2 });
    expect([changed.status, changed.json()]).toEqual([
      200,
      { Warnings: ['Resources are not limited: CpuShares discarded.'] },
    ]);
    expect((await inspect(api, 'c1')).HostConfig.RestartPolicy).toEqual(RestartPolicy);
    await api.call('POST', '/containers/c1/update', { RestartPolicy: { Name: '' } });
    expect((await inspect(api, 'c1')).HostConfig.RestartPolicy).toEqual(RestartPolicy);
    await api.call('POST', '/containers/c1/update', { RestartPolicy: { Name: 'no' } });
    expect((await inspect(api, 'c1')).HostConfig.RestartPolicy.Name).toBe('no');
    const bad = await api.call('POST', '/containers/c1/update', { RestartPolicy: { Name: 'x' } });
    expect([bad.status, bad.json()]).toEqual([
      400,
      {
        message:
          "invalid restart policy: unknown policy 'x'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
      },
    ]);
  });
});
