import { FairleadError } from '../../../lib/errors.ts';
import type { BridgeSpec } from '../../links.ts';
import { isBridgeName, isParentName, ownerAlias } from '../../names.ts';
import { BatchError, batch, type Command, ip, type Link, showLink, tolerating } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { deafness, writeSettings } from '../settings.ts';
import { addAddress, addressChanges, hasIpv6 } from './addresses.ts';

/**
 * After: the bridge is as the spec says. Made with one process when it is not there.
 * @throws conflict when an interface of that name is not ours
 */
export async function ensureBridge(host: LinuxHost, tag: string, spec: BridgeSpec): Promise<void> {
  try {
    await create(host, tag, spec);
  } catch (error) {
    if (!(error instanceof BatchError) || !/File exists/.test(error.reason)) throw error;
    await adjust(host, tag, spec);
  }
}

async function create(host: LinuxHost, tag: string, spec: BridgeSpec): Promise<void> {
  const { name, mac } = spec;
  // A MAC of its own: otherwise the bridge takes that of a port, and changes it when the port leaves.
  const link = mac
    ? ip`link add name ${name} address ${mac} type bridge`
    : ip`link add name ${name} type bridge`;
  await batch(host, [link, ip`link set dev ${name} mtu ${spec.mtu} alias ${ownerAlias(tag)}`]);
  await writeSettings(host, deafness(name, hasIpv6(spec)));
  await batch(host, [
    ...(hasIpv6(spec) ? linkLocal(name) : []),
    ip`link set dev ${name} up`,
    ...spec.addresses.map((cidr) => addAddress(cidr, name)),
  ]);
}

/**
 * Docker's own, fe80::1, in the place of the kernel's: the host asks for neighbours from it alone, and until the
 * kernel's has been looked for elsewhere (DAD, up to 2 s after the first port) forwards no IPv6 packet.
 */
function linkLocal(name: string): Command[] {
  return [ip`link set dev ${name} addrgenmode none`, addAddress('fe80::1/64', name)];
}

async function adjust(host: LinuxHost, tag: string, spec: BridgeSpec): Promise<void> {
  const link = await showLink(host, spec.name);
  if (link && !isOurs(tag, link)) {
    throw new FairleadError('conflict', `interface ${spec.name} exists and was not made by this daemon`);
  }
  if (link?.linkinfo?.info_kind === 'bridge') {
    await writeSettings(host, deafness(spec.name, hasIpv6(spec)));
    return batch(host, changes(link, spec, tag));
  }
  await batch(host, [tolerating(/Cannot find device/, ip`link del dev ${spec.name}`)]);
  await create(host, tag, spec);
}

function changes(link: Link, spec: BridgeSpec, tag: string): Command[] {
  const { name, mtu, mac } = spec;
  return [
    ...(link.mtu === mtu ? [] : [ip`link set dev ${name} mtu ${mtu}`]),
    ...(mac === undefined || link.address === mac.toLowerCase()
      ? []
      : [ip`link set dev ${name} address ${mac}`]),
    ...(link.ifalias === ownerAlias(tag) ? [] : [ip`link set dev ${name} alias ${ownerAlias(tag)}`]),
    ...(hasIpv6(spec) ? linkLocal(name) : []),
    ...(link.flags.includes('UP') ? [] : [ip`link set dev ${name} up`]),
    ...addressChanges(link, spec.addresses),
  ];
}

/** After: no bridge of ours has the name. One of somebody else's is left alone. */
export async function removeBridge(host: LinuxHost, tag: string, name: string): Promise<void> {
  if (!isBridgeName(tag, name)) {
    const link = await showLink(host, name);
    if (!link || !isOurs(tag, link)) return;
  }
  await batch(host, [tolerating(/Cannot find device/, ip`link del dev ${name}`)]);
}

/** Ours by its name, or, with a name of the user's choice, by its alias. */
export function isOurs(tag: string, link: Pick<Link, 'ifname' | 'ifalias'>): boolean {
  return isBridgeName(tag, link.ifname) || isParentName(tag, link.ifname) || link.ifalias === ownerAlias(tag);
}
