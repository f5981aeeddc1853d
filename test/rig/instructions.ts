import { fileURLToPath } from 'node:url';
import type { EngineCluster } from './engine-cluster.ts';
import type { HostCluster } from './host-cluster.ts';
import { Underlay } from './underlay.ts';

/** What a person reads who plays with a cluster of namespaces. */
export function ofHosts(cluster: HostCluster): string {
  return [
    `KV store: ${cluster.storeUrl}`,
    ...cluster.daemons.flatMap((daemon, index) => [
      '',
      `host ${index + 1}, ${Underlay.address(index + 1)}:`,
      `  export FAIRLEAD_HOST=${daemon.host}`,
      `  nsenter --net=${cluster.host(index + 1).path}`,
    ]),
    '',
    'for example, with FAIRLEAD_HOST of host 1, then with that of host 2:',
    '  node dist/bin/fairlead network create -d overlay multihost',
    '  node dist/bin/fairlead run -d --name c1 --publish-service db.multihost x',
    '  node dist/bin/fairlead run -d --name c2 --net multihost x',
    '  node dist/bin/fairlead exec c2 ping -c3 db',
    '',
    'cut a host off, and join it again:',
    `  ${cluster.underlay.wireCommand(1, 'down')}`,
    `  ${cluster.underlay.wireCommand(1, 'up')}`,
    '',
    'Ctrl-C takes all of it away.',
  ].join('\n');
}

/** The same where each host has a Docker Engine. */
export function ofEngines(cluster: EngineCluster): string {
  const bin = fileURLToPath(new URL('../bin', import.meta.url));
  return [
    `KV store: ${cluster.store.url}`,
    ...cluster.hosts.flatMap((host, index) => [
      '',
      `host ${index + 1}, ${Underlay.address(index + 1)}:`,
      `  export DOCKER_HOST=${host.dockerHost} FAIRLEAD_HOST=${host.daemon.host} PATH=${bin}:$PATH`,
      `  nsenter --net=${host.network.path}`,
    ]),
    '',
    'for example, with the variables of host 1, then with those of host 2:',
    '  docker network create -d overlay mh',
    '  docker run -d --name c1 --publish-service db.mh busybox sleep 1000000',
    '  docker run --rm --network mh busybox ping -c3 db',
    '  docker service ls',
    '',
    'cut a host off, and join it again:',
    `  ${cluster.underlay.wireCommand(1, 'down')}`,
    `  ${cluster.underlay.wireCommand(1, 'up')}`,
    '',
    'Ctrl-C takes all of it away.',
  ].join('\n');
}
