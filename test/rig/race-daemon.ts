import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { bridgeName, isBridgeName, sandboxOfName } from '../../src/dataplane/names.ts';
import { TestDaemon } from './daemon.ts';
import { TestHost } from './namespace.ts';
import type { RaceCalls } from './network-race.ts';
import { type RaceHost, without } from './race-host.ts';

const networkList = z.array(
  z.object({
    Id: z.string(),
    Driver: z.string(),
    IPAM: z.object({ Config: z.array(z.object({ Gateway: z.string().optional() })).nullable() }),
  }),
);
const containerList = z.array(z.object({ Id: z.string() }));

/** A daemon in the sandbox mode, alone on a host, by its API. */
export async function createRaceDaemon(): Promise<RaceHost> {
  const host = await TestHost.create();
  const daemon = await TestDaemon.start({ namespace: host.path, flags: ['--dataplane', 'linux'] });
  const tag = (await readFile(join(daemon.dataRoot, 'node-id'), 'utf8')).slice(0, 4);
  const faults: string[] = [];
  const read = async (path: string) => JSON.parse((await daemon.call('GET', path)).text);
  return {
    calls: callsOf(daemon, faults),
    faults,
    async leaks() {
      await daemon.run('fairlead', 'doctor', '--repair');
      const networks = networkList.parse(await read('/networks')).filter(({ Driver }) => Driver === 'bridge');
      const bridges = networks.map(({ Id }) => bridgeName(tag, Id));
      const gateways = networks.flatMap(({ IPAM }) =>
        (IPAM.Config ?? []).map(({ Gateway }) => `${Gateway}:53`),
      );
      const containers = containerList
        .parse(await read('/containers/json?all=1'))
        .map(({ Id }) => Id.slice(0, 12));
      const seen = await kernelOf(host, tag);
      return [
        ...without(seen.bridges, bridges, 'no network has'),
        ...without(bridges, seen.bridges, 'no bridge'),
        ...without(seen.rules, bridges, 'no network has the rules of'),
        ...without(seen.listeners, gateways, 'no network has the listener'),
        ...without(gateways, seen.listeners, 'no listener'),
        ...without(seen.sandboxes, containers, 'no container has the sandbox'),
      ];
    },
    async leftovers() {
      const links = (await host.linkNames()).filter((name) => name.startsWith(`fl${tag}`));
      const { code, stdout } = await daemon.run('fairlead', 'doctor');
      return [
        ...(links.length === 1 ? [] : [`links ${links}, not the default network's bridge alone`]),
        ...without((await kernelOf(host, tag)).sandboxes, [], 'sandbox'),
        ...(code === 0 ? [] : [`doctor: ${stdout}`]),
      ];
    },
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

/** What the daemon with this tag has in the kernel. */
async function kernelOf(host: TestHost, tag: string) {
  const isOurs = (name: string) => isBridgeName(tag, name);
  const rules = (await host.run('nft', 'list', 'ruleset')).match(/fl[0-9a-f]{4}-[0-9a-f]{8}/g) ?? [];
  const sockets = (await host.run('ss', '-Hlun', 'sport', '=', ':53')).trimEnd().split('\n');
  return {
    bridges: (await host.linkNames()).filter(isOurs),
    rules: new Set(rules.filter(isOurs)),
    listeners: sockets.flatMap((line) => line.split(/ +/)[3]?.replace(/%[^:]*/, '') ?? []),
    sandboxes: (await readdir('/run/netns')).flatMap((name) => sandboxOfName(tag, name) ?? []),
  };
}

function callsOf(daemon: TestDaemon, faults: string[]): RaceCalls {
  const call = async (method: string, path: string, body?: unknown) => {
    const { status, text } = await daemon.call(method, path, body);
    if (status >= 500) faults.push(`${method} ${path}: ${status} ${text}`);
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
