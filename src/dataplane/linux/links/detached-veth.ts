import { FairleadError } from '../../../lib/errors.ts';
import type { DetachedVeth } from '../../links.ts';
import { BatchError, batch, type Command, ip, showLink, tolerating } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { deafness, writeSettings } from '../settings.ts';
import { setIsolation, unplugVeth, type VethPlug } from './veth.ts';

/** One process when nothing of it is there. @throws not-found without the bridge */
export async function createDetachedVeth(host: LinuxHost, veth: DetachedVeth, how: HostSide): Promise<void> {
  try {
    await create(host, veth, how);
  } catch (error) {
    if (!(error instanceof BatchError)) throw error;
    if (/Device does not exist|Invalid "master"/.test(error.reason)) {
      throw new FairleadError('not-found', `detached veth ${veth.peer}: no bridge ${veth.source.bridge}`, {
        cause: error,
      });
    }
    if (!/File exists/.test(error.reason)) throw error;
    await replace(host, veth, how);
  }
}

type HostSide = Pick<VethPlug, 'isolated' | 'admitted'>;

async function create(host: LinuxHost, veth: DetachedVeth, how: HostSide): Promise<void> {
  await batch(host, [creation(veth)]);
  await takeUp(host, veth, how);
}

async function takeUp(
  host: LinuxHost,
  { source }: DetachedVeth,
  { isolated, admitted }: HostSide,
): Promise<void> {
  const { hostName } = source;
  await Promise.all([writeSettings(host, deafness(hostName, false)), admitted]);
  await batch(host, [...(isolated ? [setIsolation(hostName, true)] : []), ip`link set dev ${hostName} up`]);
}

function creation({ source, peer, mac, mtu }: DetachedVeth): Command {
  const size = mtu === undefined ? ip`` : ip`mtu ${mtu}`;
  const address = mac === undefined ? ip`` : ip`address ${mac}`;
  const end = ip`link add name ${source.hostName} master ${source.bridge}`;
  const parts = [end, size, ip`type veth peer name ${peer}`, size, address];
  return { words: parts.flatMap(({ words }) => words) };
}

/** Where the other end is here still, all is as it was; else it is left from an earlier life, and goes. */
async function replace(host: LinuxHost, veth: DetachedVeth, how: HostSide): Promise<void> {
  const [outer, inner] = await Promise.all([showLink(host, veth.source.hostName), showLink(host, veth.peer)]);
  if (inner && outer?.master === veth.source.bridge && outer.link === veth.peer) {
    return await takeUp(host, veth, how);
  }
  await unplugVeth(host, veth.source.hostName);
  if (inner) await unplugVeth(host, veth.peer);
  await create(host, veth, how);
}

/** A bridge without ports has its addresses all the same, and every kernel that we run on has bridges. */
export async function ensureAddress(host: LinuxHost, device: string, address: string): Promise<void> {
  const cidr = `${address}/32`;
  await batch(host, [tolerating(/File exists/, ip`link add name ${device} type bridge`)]);
  await writeSettings(host, deafness(device, false));
  await batch(host, [ip`link set dev ${device} up`, ip`addr replace ${cidr} dev ${device}`]);
}
