import * as z from 'zod';
import { familyOf } from '../../../lib/addresses.ts';
import { FairleadError } from '../../../lib/errors.ts';
import type { Survey } from '../../inspection.ts';
import { isVxlanName } from '../../names.ts';
import type { VxlanSpec } from '../../tunnels.ts';
import { BatchError, batch, type Command, ip, linkSchema, query, tolerating } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { deafness, writeSettings } from '../settings.ts';
import { ensurePolicies, guardedTunnels, removePolicies } from './tunnel-policies.ts';

/** @throws not-found without the bridge; conflict when a device of somebody else's has the VNI and port */
export async function ensureVxlan(host: LinuxHost, tag: string, spec: VxlanSpec): Promise<void> {
  if (!isVxlanName(tag, spec.name)) {
    throw new FairleadError('invalid', `"${spec.name}" is no name of a vxlan device of this node`);
  }
  // Before the device is there, or its first packets would leave in the clear.
  if (spec.encrypted) await ensurePolicies(host, tag, spec);
  try {
    await create(host, spec);
  } catch (error) {
    if (!(error instanceof BatchError) || !/exists/.test(error.reason)) throw explained(error, spec);
    await adjust(host, tag, spec);
  }
}

async function create(host: LinuxHost, spec: VxlanSpec): Promise<void> {
  const { name, bridge, mtu, vni, local, port } = spec;
  const link = ip`link add name ${name} mtu ${mtu} master ${bridge}`;
  const kind = ip`type vxlan id ${vni} local ${local} dstport ${port} nolearning proxy`;
  await batch(host, [
    { words: [...link.words, ...kind.words] },
    // Without a link-local address it has nothing of its own to say on the network.
    ip`link set dev ${name} addrgenmode none`,
    withoutLearning(name),
  ]);
  await writeSettings(host, deafness(name, true));
  await batch(host, [ip`link set dev ${name} up`]);
}

/**
 * The bridge must not learn either: it would go on sending frames for an endpoint that has moved here out
 * through the tunnel, until the endpoint speaks.
 */
function withoutLearning(name: string): Command {
  return ip`link set dev ${name} type bridge_slave learning off`;
}

/** Something has the name, or the VNI. */
async function adjust(host: LinuxHost, tag: string, spec: VxlanSpec): Promise<void> {
  const links = await vxlanLinks(host);
  const present = links.find(({ ifname }) => ifname === spec.name);
  if (present && isCompatible(present, spec)) {
    await writeSettings(host, deafness(spec.name, true));
    await batch(host, changes(present, spec)).catch((error: unknown) => {
      throw explained(error, spec);
    });
    return;
  }
  const stale = links.filter((link) => isVxlanName(tag, link.ifname) && hasVni(link, spec));
  const gone = new Set([spec.name, ...stale.map(({ ifname }) => ifname)]);
  try {
    await batch(host, [...gone].map(deletion));
    await create(host, spec);
  } catch (error) {
    throw explained(error, spec);
  }
}

const vxlanSchema = linkSchema.extend({
  linkinfo: z.object({
    info_kind: z.literal('vxlan'),
    info_data: z.object({
      id: z.number(),
      local: z.string().optional(),
      local6: z.string().optional(),
      port: z.number().optional(),
      learning: z.boolean().optional(),
      proxy: z.boolean().optional(),
    }),
    info_slave_data: z.object({ learning: z.boolean().optional() }).optional(),
  }),
});
type VxlanLink = z.infer<typeof vxlanSchema>;

/** The vxlan devices of this node, as they are. */
export async function showVxlans(host: LinuxHost, tag: string): Promise<Survey['vxlans']> {
  const links = await ownLinks(host, tag);
  const isGuarded = links.length === 0 ? () => false : await guardedTunnels(host, tag);
  return links.map((link) => {
    const { ifname: name, master: bridge = '', mtu, flags } = link;
    const tunnel = tunnelOf(link);
    const { id: vni } = link.linkinfo.info_data;
    const encrypted = isGuarded(tunnel) ? { encrypted: true } : {};
    return { name, bridge, vni, ...tunnel, mtu, ...encrypted, up: flags.includes('UP') };
  });
}

async function ownLinks(host: LinuxHost, tag: string): Promise<readonly VxlanLink[]> {
  return (await vxlanLinks(host)).filter(({ ifname }) => isVxlanName(tag, ifname));
}

function tunnelOf({ linkinfo: { info_data: data } }: VxlanLink) {
  return { local: data.local ?? data.local6 ?? '', port: data.port ?? 0 };
}

async function vxlanLinks(host: LinuxHost): Promise<readonly VxlanLink[]> {
  return (await query(host, z.array(vxlanSchema), ['-d', 'link', 'show', 'type', 'vxlan'])) ?? [];
}

function hasVni({ linkinfo: { info_data: data } }: VxlanLink, { vni, port }: VxlanSpec): boolean {
  return data.id === vni && data.port === port;
}

/** What the kernel fixes when a device is made. */
function isCompatible(link: VxlanLink, spec: VxlanSpec): boolean {
  const { local, local6, learning, proxy } = link.linkinfo.info_data;
  const source = familyOf(spec.local) === 4 ? local : local6;
  return hasVni(link, spec) && source === spec.local && learning === false && proxy === true;
}

function changes(link: VxlanLink, { name, bridge, mtu }: VxlanSpec): Command[] {
  const moved = link.master !== bridge;
  const learns = moved || link.linkinfo.info_slave_data?.learning !== false;
  return [
    ...(moved ? [ip`link set dev ${name} master ${bridge}`] : []),
    ...(learns ? [withoutLearning(name)] : []),
    ...(link.mtu === mtu ? [] : [ip`link set dev ${name} mtu ${mtu}`]),
    ...(link.flags.includes('UP') ? [] : [ip`link set dev ${name} up`]),
  ];
}

/** After: no device of ours has the name. */
export async function removeVxlan(host: LinuxHost, tag: string, name: string): Promise<void> {
  if (isVxlanName(tag, name)) await batch(host, [deletion(name)]);
}

/** After: what encrypted devices need is gone if they are. @returns whether there are some */
export async function removeUnusedPolicies(host: LinuxHost, tag: string): Promise<boolean> {
  const [links, isGuarded] = await Promise.all([ownLinks(host, tag), guardedTunnels(host, tag)]);
  if (links.some((link) => isGuarded(tunnelOf(link)))) return true;
  await removePolicies(host, tag);
  return false;
}

function deletion(name: string): Command {
  return tolerating(/Cannot find device/, ip`link del dev ${name}`);
}

function explained(error: unknown, { name, bridge, vni, port }: VxlanSpec): unknown {
  if (!(error instanceof BatchError)) return error;
  if (/Device does not exist/.test(error.reason)) {
    return new FairleadError('not-found', `vxlan device ${name}: no bridge ${bridge}`, { cause: error });
  }
  if (!/VNI already exists/.test(error.reason)) return error;
  return new FairleadError(
    'conflict',
    `VXLAN id ${vni} on UDP port ${port} is in use on this host by another device`,
    { cause: error },
  );
}
