import * as z from 'zod';
import { contains, parseAddress, parseSubnet } from '../../lib/addresses.ts';
import type { Firewall } from '../firewall.ts';
import type { Reachability, ReachTarget } from '../inspection.ts';
import { farFromHost, tunnelRefusal } from '../tunnel-reasons.ts';
import type { Argv, Outcome } from './exec.ts';
import { linkSchema, query } from './ip.ts';
import { namespacePath } from './links/netns.ts';
import type { LinuxHost } from './linux-host.ts';
import { type Tunnel, tunnelTo } from './tunnels/tunnel-entries.ts';

/**
 * Asks the kernel: an echo request or a connect from within the namespace (undefined: the host's), while
 * the path is looked up beside it.
 */
export async function reach(
  host: LinuxHost,
  namespace: string | undefined,
  to: ReachTarget,
  firewall: Firewall,
): Promise<Reachability> {
  const address = parseAddress(to.address);
  const hop = await nextHop(host, namespace, address);
  if (hop === 'no-sandbox') return { reachable: false, path: [], reason: 'the container is not running' };
  if (!hop) return { reachable: false, path: [], reason: `no route to ${address}` };
  const [reason, bridge] = await Promise.all([
    ask(host, namespace, { ...to, address }),
    namespace ? bridgeBehind(host, namespace, hop.dev) : undefined,
  ]);
  const away = hop.gateway ? undefined : await tunnelTo(host, bridge ?? hop.dev, address);
  const path = pathOf(hop, bridge, away);
  const reserved = hop.gateway && bridge ? tunnelRefusal(firewall, to.port) : undefined;
  // Of a datagram's fate the kernel tells nothing: an echo may well be answered where it is dropped.
  if (reserved !== undefined) return { reachable: false, path, reason: reserved };
  if (reason === undefined) return { reachable: true, path: hop.dev === 'lo' ? ['lo'] : [...path, address] };
  if (away) {
    const why = bridge
      ? silentPeer(reason, address, away.via, firewall, bridge)
      : farFromHost(address, away.via);
    return { reachable: false, path, reason: why };
  }
  const rule = ruleAgainst(firewall, bridge, to.port?.port, address);
  const absent =
    rule === undefined && !hop.gateway && (await isUnanswered(host, namespace, hop.dev, address));
  const where = bridge ?? hop.dev;
  return { reachable: false, path, reason: rule ?? (absent ? `nobody has ${address} on ${where}` : reason) };
}

/** `bridge`: the one behind a sandbox's interface; the host's own interface may be a bridge itself. */
function pathOf({ dev, gateway }: Hop, bridge: string | undefined, away: Tunnel | undefined): string[] {
  return [
    dev,
    ...(bridge ? [`${bridge} (bridge)`] : []),
    ...(bridge && gateway ? ['host'] : []),
    ...(away ? [`${away.device} (vxlan)`, `node ${away.via}`] : []),
  ];
}

/** A refusal is the peer's own; of a silence the way there is the likelier cause. */
function silentPeer(
  reason: string,
  address: string,
  via: string,
  { networks }: Firewall,
  bridge: string,
): string {
  if (!/^no answer|^nobody has/.test(reason)) return reason;
  const port = networks.find((rules) => rules.bridge === bridge)?.tunnelPort;
  return `no answer from ${address} on node ${via}: is UDP port ${port} open between the nodes?`;
}

const hopSchema = z.array(z.object({ dev: z.string(), gateway: z.string().optional() }));
type Hop = z.infer<typeof hopSchema>[number];

async function nextHop(
  host: LinuxHost,
  ns: string | undefined,
  address: string,
): Promise<Hop | 'no-sandbox' | undefined> {
  try {
    const hops = await query(host, hopSchema, ['route', 'get', address], ns);
    return hops ? hops[0] : 'no-sandbox';
  } catch {
    return undefined;
  }
}

const neighbourSchema = z.array(z.object({ state: z.array(z.string()).optional() }));

/** Whether the kernel asked for the address on the link in vain (ARP, neighbour discovery). */
async function isUnanswered(
  host: LinuxHost,
  ns: string | undefined,
  device: string,
  address: string,
): Promise<boolean> {
  const neighbours = await query(host, neighbourSchema, ['neigh', 'show', 'to', address, 'dev', device], ns);
  const state = neighbours?.[0]?.state ?? [];
  return state.includes('INCOMPLETE') || state.includes('FAILED');
}

/** The bridge that the other end of the sandbox's interface is in. */
async function bridgeBehind(host: LinuxHost, namespace: string, device: string): Promise<string | undefined> {
  const show = (args: readonly string[], ns?: string) =>
    query(host, z.array(linkSchema), ['link', 'show', ...args], ns);
  const [inner, outer] = await Promise.all([show(['dev', device], namespace), show([])]);
  const index = inner?.[0]?.link_index;
  return outer?.find(({ ifindex }) => ifindex === index)?.master;
}

/** Undefined: it answered. Otherwise why not, in one line. */
async function ask(
  host: LinuxHost,
  namespace: string | undefined,
  to: ReachTarget,
): Promise<string | undefined> {
  const inside = (argv: Argv) => host.exec(argv, namespace ? { namespace: namespacePath(namespace) } : {});
  if (!to.port) return echo(inside, to.address);
  const { protocol, port } = to.port;
  const argv = [process.execPath, '-e', connectScript, protocol, to.address, String(port)] as const;
  const said = (await inside(argv)).stdout.trim();
  if (said === 'ok') return undefined;
  // A datagram that nobody refused: whether the host is there at all, an echo tells.
  if (said === 'silent' && protocol === 'udp') return echo(inside, to.address);
  if (said === 'ECONNREFUSED') return `${to.address} refused: nothing listens on ${protocol} port ${port}`;
  return said === 'silent' ? `no answer from ${to.address} within 1 s` : `connect to ${to.address}: ${said}`;
}

async function echo(inside: (argv: Argv) => Promise<Outcome>, address: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await inside(['ping', '-n', '-c1', '-W1', address]);
  if (code === 0) return undefined;
  if (/Unreachable/i.test(stdout)) return `nobody has ${address}`;
  return stderr.trim().split('\n')[0] || `no answer from ${address} within 1 s`;
}

/** Node itself is the one program that is sure to be there; prints `ok`, `silent` or the error's code. */
const connectScript = `
const [protocol, host, port] = process.argv.slice(1);
const end = (said) => { console.log(said); process.exit(); };
setTimeout(end, protocol === 'udp' ? 300 : 1000, 'silent');
if (protocol === 'udp') {
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', (e) => end(e.code)).on('message', () => end('ok'));
  socket.connect(Number(port), host, () => socket.send(''));
} else {
  require('node:net').connect(Number(port), host, () => end('ok')).on('error', (e) => end(e.code));
}`;

/** Our own rules explain a silence better than the silence does. */
function ruleAgainst(
  { networks }: Firewall,
  bridge: string | undefined,
  port: number | undefined,
  address: string,
): string | undefined {
  const from = networks.find((rules) => rules.bridge === bridge);
  const target = networks.find(({ subnets }) =>
    subnets.some((subnet) => contains(parseSubnet(subnet), address)),
  );
  if (!from) return undefined;
  if (target && target !== from) return `${address} is on another network (${target.bridge})`;
  if (from.internal && !target) return 'the network is internal: no way out';
  if (from.internal && port !== undefined && port !== 53) return undefined;
  if (!from.icc) return `containers of ${from.bridge} may not talk to each other (icc)`;
  return undefined;
}
