import * as z from 'zod';
import { parseAddress } from '../../../lib/addresses.ts';
import { FairleadError } from '../../../lib/errors.ts';
import type { TunnelChanges, TunnelEntries } from '../../tunnels.ts';
import {
  BatchError,
  batch,
  bridgeBatch,
  bridgeQuery,
  type Command,
  ip,
  query,
  showLink,
  tolerating,
} from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';

const fdbSchema = z.array(
  z.object({
    mac: z.string(),
    dst: z.string().optional(),
    /** The entry is the bridge's, not the device's. */
    master: z.string().optional(),
    vlan: z.number().optional(),
    state: z.string().optional(),
  }),
);
type FdbEntry = z.infer<typeof fdbSchema>[number];

const neighbourSchema = z.array(
  z.object({ dst: z.string(), lladdr: z.string().optional(), state: z.array(z.string()).optional() }),
);

/** Two processes. @throws not-found when there is no such device */
export async function readTunnel(host: LinuxHost, name: string): Promise<TunnelEntries> {
  const [fdb, neighbours] = await Promise.all([
    bridgeQuery(host, fdbSchema, ['fdb', 'show', 'dev', name]),
    query(host, neighbourSchema, ['neigh', 'show', 'dev', name]),
  ]);
  if (!fdb || !neighbours) throw new FairleadError('not-found', `no vxlan device ${name}`);
  return {
    bridged: fdb.filter(isBridged).map(({ mac }) => mac),
    forwarding: fdb.flatMap((entry) => (isForwarding(entry) ? [{ mac: entry.mac, via: viaOf(entry) }] : [])),
    // One that is being resolved, or could not be, has no MAC: there is nothing to take away.
    neighbours: neighbours.flatMap(({ dst, lladdr, state }) =>
      lladdr === undefined ? [] : [{ address: dst, mac: state?.includes('PERMANENT') ? lladdr : '' }],
    ),
  };
}

/** "permanent" would be the device's own MAC; entries per VLAN come and go with the one without. */
function isBridged({ master, vlan, state }: FdbEntry): boolean {
  return master !== undefined && vlan === undefined && state === 'static';
}

function isForwarding({ master, dst }: FdbEntry): boolean {
  return master === undefined && dst !== undefined;
}

function viaOf({ dst, state }: FdbEntry): string {
  return dst !== undefined && (state === 'permanent' || state === 'static') ? parseAddress(dst) : '';
}

/** Two processes at most. @throws not-found when there is no such device */
export async function changeTunnel(host: LinuxHost, name: string, changes: TunnelChanges): Promise<void> {
  try {
    await Promise.all([
      bridgeBatch(host, fdbCommands(name, changes)),
      batch(host, neighbourCommands(name, changes)),
    ]);
  } catch (error) {
    if (!(error instanceof BatchError) || !/Cannot find device/.test(error.reason)) throw error;
    throw new FairleadError('not-found', `no vxlan device ${name}`, { cause: error });
  }
}

const absent = /No such file or directory/;

/** `static` for the bridge, for which `permanent` means an address of its own. */
function fdbCommands(name: string, { set, remove }: TunnelChanges): Command[] {
  return [
    ...set.forwarding.map(({ mac, via }) => ip`fdb replace ${mac} dev ${name} dst ${via} self permanent`),
    ...set.bridged.map((mac) => ip`fdb replace ${mac} dev ${name} master static`),
    ...remove.bridged.map((mac) => tolerating(absent, ip`fdb del ${mac} dev ${name} master`)),
    ...remove.forwarding.map((mac) => tolerating(absent, ip`fdb del ${mac} dev ${name} self`)),
  ];
}

function neighbourCommands(name: string, { set, remove }: TunnelChanges): Command[] {
  return [
    ...set.neighbours.map(
      ({ address, mac }) => ip`neigh replace ${address} lladdr ${mac} dev ${name} nud permanent`,
    ),
    ...remove.neighbours.flatMap((address) => [
      // `ip` exits at a neighbour that is not there, even with -force (iproute2, ipneigh_modify): make sure.
      ip`neigh replace ${address} lladdr 00:00:00:00:00:00 dev ${name} nud permanent`,
      ip`neigh del ${address} dev ${name}`,
    ]),
  ];
}

const holderSchema = z.array(z.object({ mtu: z.number() }));

/** Of the interface that has the address. */
export async function mtuOf(host: LinuxHost, address: string): Promise<number | undefined> {
  const holders = await query(host, holderSchema, ['addr', 'show', 'to', parseAddress(address)]);
  return holders?.[0]?.mtu;
}

const answererSchema = z.array(z.object({ dev: z.string(), lladdr: z.string().optional() }));

export interface Tunnel {
  readonly device: string;
  /** The node's underlay address. */
  readonly via: string;
}

/** The vxlan device of the bridge that answers for the address, and the node that it sends to; undefined without one. */
export async function tunnelTo(
  host: LinuxHost,
  bridge: string,
  address: string,
): Promise<Tunnel | undefined> {
  const answerers = await query(host, answererSchema, ['neigh', 'show', 'to', address, 'nud', 'permanent']);
  for (const { dev, lladdr } of answerers ?? []) {
    if ((await showLink(host, dev))?.master !== bridge) continue;
    const { forwarding } = await readTunnel(host, dev);
    const via = forwarding.find(({ mac }) => mac === lladdr)?.via;
    if (via) return { device: dev, via };
  }
  return undefined;
}
