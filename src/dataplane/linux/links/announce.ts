import type { InterfaceSource } from '../../links.ts';
import { batch, ip, showLink, tolerating } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';

export interface Announced {
  /** Of the interface inside its sandbox. */
  readonly name: string;
  readonly source: InterfaceSource;
  /** Absent: the kernel is asked. */
  readonly mac?: string | undefined;
}

/**
 * Tells the neighbours which MAC the interface's addresses have now: gratuitous ARP (RFC 5227, section 3) and unsolicited
 * neighbour advertisements (RFC 4861, section 7.2.6). Else one that has the old MAC in mind sends there for half a minute.
 * The kernel does it when an interface is given its MAC, the same one too, where `arp_notify` and `ndisc_notify` are set
 * (netns.ts). As the interface comes up it does it as well, but its bridge's port is not open yet, and that is lost.
 */
export async function announce(
  host: LinuxHost,
  namespace: string,
  { name, source, mac }: Announced,
): Promise<void> {
  const address = mac ?? (await showLink(host, name, namespace))?.address;
  if (address === undefined) return;
  if (source.kind === 'veth') await batch(host, [openPort(source.hostName)]);
  await batch(host, [ip`link set dev ${name} address ${address}`], namespace);
}

/**
 * A bridge opens a port some time after its carrier comes; this does not wait for that. Older kernels refuse it until
 * then, and a bridge with a spanning tree always does.
 */
function openPort(port: string) {
  return tolerating(
    /Network is down|Device or resource busy/,
    ip`link set dev ${port} type bridge_slave state 3`,
  );
}
