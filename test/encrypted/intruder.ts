import type { TestHost } from '../rig/namespace.ts';

export interface Forgery {
  /** Where it is sent from: the wire's own address of the intruder, or somebody else's. */
  readonly from: string;
  /** The node whose container is the victim. */
  readonly node: string;
  readonly port: number;
  readonly vni: number;
  /** The victim's, inside. */
  readonly mac: string;
  readonly address: string;
}

/** The address that forged packets come from, inside the network: nobody has it. */
export const forged = '10.255.0.9';

/** A host on the wire that is no node sends frames for a container into the tunnel in the clear. */
export async function intrude(intruder: TestHost, forgery: Forgery): Promise<void> {
  const { from, node, port, vni, mac, address } = forgery;
  const run = (...words: [string, ...string[]]) => intruder.run(...words);
  // It must not draw the real owner's packets to itself.
  await run('sysctl', '-w', 'net.ipv4.conf.all.arp_ignore=1', 'net.ipv4.conf.all.arp_announce=2');
  await run('ip', 'addr', 'replace', `${from}/32`, 'dev', 'lo');
  const kind = ['type', 'vxlan', 'id', `${vni}`, 'local', from, 'remote', node, 'dstport', `${port}`];
  try {
    await run('ip', 'link', 'add', 'forge', 'up', ...kind);
    await run('ip', 'addr', 'add', `${forged}/32`, 'dev', 'forge');
    await run('ip', 'route', 'add', `${address}/32`, 'dev', 'forge', 'src', forged);
    await run('ip', 'neigh', 'replace', address, 'lladdr', mac, 'dev', 'forge', 'nud', 'permanent');
    // Nobody answers: to whom would they?
    await run('ping', '-q', '-n', '-c5', '-i0.2', '-W1', address).catch(() => {});
  } finally {
    await run('ip', 'link', 'del', 'forge');
    await run('ip', 'addr', 'del', `${from}/32`, 'dev', 'lo');
  }
}

/** Counts, in a container's namespace, what comes in from the forged address. */
export async function watchForForgeries(host: TestHost, namespace: string): Promise<void> {
  const chain = `chain in { type filter hook prerouting priority -300; ip saddr ${forged} counter\n}`;
  await host.runIn(namespace, 'nft', `table inet watch {\n${chain}\n}`);
}

export async function forgeriesSeen(host: TestHost, namespace: string): Promise<number> {
  const listing = await host.runIn(namespace, 'nft', 'list', 'table', 'inet', 'watch');
  return Number(/counter packets (\d+)/.exec(listing)?.[1] ?? Number.NaN);
}
