import type { Cluster } from './cluster.ts';

/** What a person reads who has the playground before them. */
export function instructions({ commands, hosts, storeUrl }: Cluster): string {
  const [first = '', second = first] = hosts.map(({ name }) => name);
  return `
${hosts.map(({ name }) => name).join(', ')}: hosts with a daemon each. KV store: ${storeUrl}. In another terminal, as root:

  export PATH=${commands}:$PATH

  ${first} docker network create -d overlay mh
  ${first} docker run -d --name c1 --publish-service db.mh web
  ${second} docker run -d --name c2 --net mh web
  ${second} docker exec c2 ping -c3 db
  ${second} fairlead node ls
  ${second}                        # a shell on the host

Cut a host off, and join it again:

  wire ${first} down
  wire ${first} up

Ctrl-C here takes all of it away.
`;
}
