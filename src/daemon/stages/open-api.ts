import { type Api, createApi } from '../../api/server.ts';
import { createApps } from '../../apps/create-apps.ts';
import { followContainers } from '../../apps/follower.ts';
import type { Topology } from '../../cluster/topology/topology.ts';
import { Volumes } from '../../container/volumes.ts';
import { createProbe } from '../../dns/probe.ts';
import type { RemoteDns } from '../../dns/thread/remote-dns.ts';
import type { HostAddress } from '../../lib/host-address.ts';
import { engineState, upstreamOf } from '../engine-mode.ts';
import { systemInfo } from '../system-info.ts';
import { readTlsKeys } from '../tls-keys.ts';
import type { OpenedHost } from './open-host.ts';
import type { OpenedNetwork } from './open-network.ts';
import type { OpenedStores } from './open-stores.ts';
import type { Start } from './start.ts';

export interface ApiNeeds {
  readonly stores: OpenedStores;
  readonly host: OpenedHost;
  readonly network: OpenedNetwork;
  readonly dns: RemoteDns;
  readonly topology: Topology;
}

/** What answers clients, on every address that it was given. Where it listens; the port is the real one where any would do. */
export async function openApi(start: Start, needs: ApiNeeds): Promise<readonly HostAddress[]> {
  const { config, platform, log, opened } = start;
  const { stores, host, network, dns, topology } = needs;
  const { directory, mode, failures } = stores;
  const { model } = network;
  const { runtime, dataplane, engine } = host;
  const probe = createProbe({ directory, dns, runtime, dataplane });
  const apps = createApps({ directory, model, dnsTtlSeconds: config.dns.ttlSeconds });
  opened.push('apps', followContainers(apps, model, log));
  const upstream = mode.kind === 'engine' && engine ? upstreamOf(mode, engine) : undefined;
  const volumes = new Volumes(platform.volumes(config));
  const api = await createApi({
    ...{ model, topology, dns, probe, apps, volumes, info: infoOf(start, needs), log, failures },
    ...(upstream ? { upstream } : {}),
    ...(platform.hooks ? { hooks: platform.hooks } : {}),
  });
  opened.push('api', () => api.close());
  return await listen(start, api);
}

function infoOf({ config, platform: { clock } }: Start, { stores, host, network }: ApiNeeds) {
  const { identity, mode, directory } = stores;
  const { plugins, pluginProblem } = network;
  const { engine } = host;
  const state = engine && { engine: () => engineState(engine, pluginProblem) };
  return systemInfo({ config, clock, mode, nodeId: identity.nodeId, directory, plugins, ...state });
}

async function listen({ config, stop }: Start, api: Api): Promise<readonly HostAddress[]> {
  const tls = config.tls && (await readTlsKeys(config.tls));
  const hosts: HostAddress[] = [];
  for (const host of config.hosts) {
    stop.throwIfAborted();
    hosts.push(await api.listen(host, { ...(tls && { tls }), names: config.apiNames }));
  }
  return hosts;
}
