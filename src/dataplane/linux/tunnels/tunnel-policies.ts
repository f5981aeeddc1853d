import { familyOf } from '../../../lib/addresses.ts';
import { FairleadError } from '../../../lib/errors.ts';
import type { VxlanSpec } from '../../tunnels.ts';
import { output } from '../exec.ts';
import { BatchError, batch, type Command, ip } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { listXfrm, requestId } from './xfrm.ts';

/** As the kernel lists it: what datagrams to a port need in one direction. */
interface Policy {
  readonly direction: 'in' | 'out';
  readonly source: string;
  readonly destination: string;
  readonly port: number;
}

type Tunnel = Pick<VxlanSpec, 'local' | 'port'>;

/**
 * IPsec policies (RFC 4301 section 4.4.1) that hold whoever the far end is: without an association nothing leaves,
 * and nothing is taken in. Outwards from the tunnel's address alone, so that what is merely forwarded is left
 * alone; inwards from anywhere to anywhere, since the device's socket listens on every address of the host.
 */
export async function ensurePolicies(host: LinuxHost, tag: string, tunnel: Tunnel): Promise<void> {
  const wanted = policiesFor(tunnel);
  const present = (await showPolicies(host, tag)).filter(({ port }) => port === tunnel.port);
  const missing = wanted.filter((policy) => !present.some((other) => isSame(other, policy)));
  const surplus = present.filter((policy) => !wanted.some((other) => isSame(other, policy)));
  try {
    await batch(host, [...missing.map((policy) => addition(tag, policy)), ...surplus.map(removal)]);
  } catch (error) {
    if (!(error instanceof BatchError) || !/File exists/.test(error.reason)) throw error;
    const message = `somebody else's IPsec policy on this host is for UDP port ${tunnel.port} already`;
    throw new FairleadError('conflict', message, { cause: error });
  }
}

/** Ports that all policies are there for that `ensurePolicies` makes. One process. */
export async function guardedTunnels(host: LinuxHost, tag: string): Promise<(tunnel: Tunnel) => boolean> {
  const present = await showPolicies(host, tag);
  return (tunnel) => policiesFor(tunnel).every((policy) => present.some((other) => isSame(other, policy)));
}

/** After: no policy and no association of this node is left. */
export async function removePolicies(host: LinuxHost, tag: string): Promise<void> {
  const present = await showPolicies(host, tag);
  const states = await listXfrm(host, 'state', 'list', 'nokeys', 'reqid', String(requestId(tag)));
  if (states.length > 0)
    await output(host, ['ip', 'xfrm', 'state', 'deleteall', 'reqid', String(requestId(tag))]);
  await batch(host, present.map(removal));
}

function policiesFor({ local, port }: Tunnel): readonly Policy[] {
  const [any, own] = familyOf(local) === 4 ? ['0.0.0.0/0', `${local}/32`] : ['::/0', `${local}/128`];
  return [
    { direction: 'out', source: own, destination: any, port },
    { direction: 'in', source: '0.0.0.0/0', destination: '0.0.0.0/0', port },
    { direction: 'in', source: '::/0', destination: '::/0', port },
  ];
}

async function showPolicies(host: LinuxHost, tag: string): Promise<readonly Policy[]> {
  return (await listXfrm(host, 'policy', 'list')).flatMap(({ head, body }) => {
    const [, source, destination, port] =
      /^src (\S+) dst (\S+) proto (?:udp|17) dport (\d+)\s*$/.exec(head) ?? [];
    const [, direction, reqid] = /^dir (in|out) .* proto esp reqid (\d+)/.exec(body) ?? [];
    if (!source || !destination || Number(reqid) !== requestId(tag)) return [];
    return [{ direction: direction === 'in' ? 'in' : 'out', source, destination, port: Number(port) }];
  });
}

function isSame(a: Policy, b: Policy): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The protocol by its number: its name is in /etc/protocols, which small systems lack. */
function selector({ source, destination, port, direction }: Policy): Command {
  return ip`src ${source} dst ${destination} proto 17 dport ${port} dir ${direction}`;
}

function addition(tag: string, policy: Policy): Command {
  const template = ip`tmpl proto esp reqid ${requestId(tag)} mode transport`;
  return { words: ['xfrm', 'policy', 'add', ...selector(policy).words, ...template.words] };
}

function removal(policy: Policy): Command {
  return { words: ['xfrm', 'policy', 'delete', ...selector(policy).words] };
}
