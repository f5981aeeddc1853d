import { FairleadError } from '../../../lib/errors.ts';
import type { Plug } from '../../links.ts';
import { BatchError, batch, type Command, ip, type Link, showLink, tolerating } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { deafness, setIpv6, writeInside, writeSettings } from '../settings.ts';
import { addAddress, addressChanges, hasIpv6 } from './addresses.ts';
import { namespacePath } from './netns.ts';
import { routeCommands } from './routes.ts';

export interface VethPlug extends Plug {
  readonly source: Extract<Plug['source'], { kind: 'veth' }>;
  /** The host end may talk to the bridge itself only: a network without icc. */
  readonly isolated: boolean;
  /** Settled once what it may send is in the kernel: it carries nothing before. */
  readonly admitted: Promise<void>;
}

/** The pair, then what is inside. */
export async function plugVeth(host: LinuxHost, namespace: string, plug: VethPlug): Promise<void> {
  try {
    await create(host, namespace, plug);
  } catch (error) {
    if (!(error instanceof BatchError) || !/File exists/.test(error.reason)) throw explained(error, plug);
    await repair(host, namespace, plug);
  }
}

async function create(host: LinuxHost, namespace: string, plug: VethPlug): Promise<void> {
  const { name, source, mac, mtu } = plug;
  const size = mtu === undefined ? ip`` : ip`mtu ${mtu}`;
  const end = ip`link add name ${source.hostName} master ${source.bridge}`;
  const peer = ip`type veth peer name ${name} netns ${namespace}`;
  const address = mac === undefined ? ip`` : ip`address ${mac}`;
  const pair = { words: [end, size, peer, size, address].flatMap(({ words }) => words) };
  host.ip.warmUp(namespace);
  await batch(host, [pair]);
  try {
    if (hasIpv6(plug)) await setIpv6(host, namespacePath(namespace), name, true);
    await Promise.all([writeSettings(host, deafness(source.hostName, false)), plug.admitted]);
    const up = ip`link set dev ${source.hostName} up`;
    await batch(host, [...(plug.isolated ? [isolation(plug)] : []), up]);
    await batch(host, inside(plug), namespace);
    await writeSysctls(host, namespace, plug);
  } catch (error) {
    await unplugVeth(host, source.hostName);
    throw error;
  }
}

/** What an interface has that was just made. */
export function inside(plug: Plug): Command[] {
  return [
    ...plug.addresses.map((cidr) => addAddress(cidr, plug.name)),
    ip`link set dev ${plug.name} up`,
    ...routeCommands(plug),
  ];
}

export async function writeSysctls(
  host: LinuxHost,
  namespace: string,
  { name, sysctls = [] }: Plug,
): Promise<void> {
  const settings = sysctls.map((one) => ({
    file: `${one.family}/${one.table}/${name}/${one.name}`,
    value: one.value,
  }));
  await writeInside(host, namespacePath(namespace), settings);
}

/** Something has one of the two names: a pair that needs repair, a stale host end, or somebody else's. */
async function repair(host: LinuxHost, namespace: string, plug: VethPlug): Promise<void> {
  const [outer, inner] = await Promise.all([
    showLink(host, plug.source.hostName),
    showLink(host, plug.name, namespace),
  ]);
  if (outer && inner && outer.link_index === inner.ifindex && inner.link_index === outer.ifindex) {
    await Promise.all([writeSettings(host, deafness(plug.source.hostName, false)), plug.admitted]);
    await batch(host, outerChanges(outer, plug));
    if (hasIpv6(plug) !== speaksIpv6(inner))
      await setIpv6(host, namespacePath(namespace), plug.name, hasIpv6(plug));
    await batch(host, innerChanges(inner, plug), namespace);
    await writeSysctls(host, namespace, plug);
    return;
  }
  if (inner) {
    throw new FairleadError('conflict', `plug ${plug.name}: the sandbox has another interface of this name`);
  }
  // Left by a process that was killed, or by a sandbox of an earlier life: its other end is elsewhere.
  await unplugVeth(host, plug.source.hostName);
  await create(host, namespace, plug);
}

/** With IPv6 on, the kernel has given it a link-local address. */
function speaksIpv6({ addr_info = [] }: Link): boolean {
  return addr_info.some(({ local, scope }) => scope === 'link' && local?.includes(':'));
}

function outerChanges(link: Link, plug: VethPlug): Command[] {
  const { hostName, bridge } = plug.source;
  const isolated = link.linkinfo?.info_slave_data?.isolated ?? false;
  const moved = link.master !== bridge;
  return [
    ...(link.flags.includes('UP') ? [] : [ip`link set dev ${hostName} up`]),
    ...(moved ? [ip`link set dev ${hostName} master ${bridge}`] : []),
    ...(moved || isolated !== plug.isolated ? [isolation(plug)] : []),
  ];
}

/** What makes the interface inside its sandbox what the plug says. */
export function innerChanges(link: Link, plug: Plug): Command[] {
  const { name, mac, mtu } = plug;
  return [
    ...(mac === undefined || link.address === mac.toLowerCase()
      ? []
      : [ip`link set dev ${name} address ${mac}`]),
    ...(mtu === undefined || link.mtu === mtu ? [] : [ip`link set dev ${name} mtu ${mtu}`]),
    // Who may hold virtual addresses keeps them.
    ...addressChanges(link, plug.addresses, plug.anySource),
    ...(link.flags.includes('UP') ? [] : [ip`link set dev ${name} up`]),
    ...routeCommands(plug),
  ];
}

/** Ports that are isolated reach only those that are not: the bridge itself (ip-link(8), bridge_slave). */
function isolation({ source, isolated }: VethPlug): Command {
  return setIsolation(source.hostName, isolated);
}

export function setIsolation(port: string, isolated: boolean): Command {
  return ip`link set dev ${port} type bridge_slave isolated ${isolated ? 'on' : 'off'}`;
}

/** A pair dies with either end. */
export async function unplugVeth(host: LinuxHost, hostName: string): Promise<void> {
  await batch(host, [tolerating(/Cannot find device/, ip`link del dev ${hostName}`)]);
}

function explained(error: unknown, plug: VethPlug): unknown {
  if (!(error instanceof BatchError)) return error;
  if (/Invalid "netns" value|Cannot open network namespace/.test(error.reason)) {
    return new FairleadError('not-found', `plug ${plug.name}: no such sandbox`, { cause: error });
  }
  if (/Device does not exist/.test(error.reason)) {
    return new FairleadError('not-found', `plug ${plug.name}: no bridge ${plug.source.bridge}`, {
      cause: error,
    });
  }
  return error;
}
