import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { bridgeName } from '../../src/dataplane/names.ts';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { endRace, type RaceCalls, race } from '../rig/network-race.ts';

/** `network rm` and `prune` beside starts, in the sandbox way: no bridge of a network that has gone may stay. */

const networkList = z.array(z.object({ Id: z.string(), Driver: z.string() }));

function callsOf(daemon: TestDaemon, wrong: string[]): RaceCalls {
  const call = async (method: string, path: string, body?: unknown) => {
    const { status, text } = await daemon.call(method, path, body);
    if (status >= 500) wrong.push(`${method} ${path}: ${status} ${text}`);
  };
  return {
    createNetwork: (Name) => call('POST', '/networks/create', { Name }),
    removeNetwork: (name) => call('DELETE', `/networks/${name}`),
    pruneNetworks: () => call('POST', '/networks/prune'),
    createContainer: (name, NetworkMode) =>
      call('POST', `/containers/create?name=${name}`, { Image: 'x', HostConfig: { NetworkMode } }),
    removeContainer: (name) => call('DELETE', `/containers/${name}?force=1`),
    start: (name) => call('POST', `/containers/${name}/start`),
    stop: (name) => call('POST', `/containers/${name}/stop?t=1`),
    connect: (network, Container) => call('POST', `/networks/${network}/connect`, { Container }),
    disconnect: (network, Container) => call('POST', `/networks/${network}/disconnect`, { Container }),
  };
}

it('leaves the kernel as the directory, after any interleaving', { timeout: 300_000 }, async () => {
  await using host = await TestHost.create();
  await using daemon = await TestDaemon.start({ namespace: host.path, flags: ['--dataplane', 'linux'] });
  const tag = (await readFile(join(daemon.dataRoot, 'node-id'), 'utf8')).slice(0, 4);
  const wrong: string[] = [];
  const calls = callsOf(daemon, wrong);
  const expectAgreement = async (when: string) => {
    // Brings records and kernel in line as the minute's look does.
    await daemon.run('fairlead', 'doctor', '--repair');
    const networks = networkList.parse(JSON.parse((await daemon.call('GET', '/networks')).text));
    const wanted = networks.filter(({ Driver }) => Driver === 'bridge').map(({ Id }) => bridgeName(tag, Id));
    const bridges = (await host.linkNames()).filter((name) => name.startsWith(`fl${tag}-`));
    expect(bridges.sort(), when).toEqual(wanted.sort());
  };
  for (const seed of [1, 2, 3]) {
    await race(calls, seed, 12);
    await expectAgreement(`after seed ${seed}`);
  }
  await endRace(calls);
  await expectAgreement('at the end');
  expect((await host.linkNames()).filter((name) => name.startsWith(`fl${tag}`))).toHaveLength(1);
  expect(await daemon.ok('doctor')).toMatch(/all as it should be/);
  expect(wrong).toEqual([]);
});
