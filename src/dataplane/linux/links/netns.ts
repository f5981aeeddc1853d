import { readdir } from 'node:fs/promises';
import * as z from 'zod';
import { FairleadError, messageOf } from '../../../lib/errors.ts';
import { sandboxOfName } from '../../names.ts';
import { output } from '../exec.ts';
import { BatchError, batch, ip, linkSchema, query, tolerating } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';

const folder = '/run/netns';

export function namespacePath(name: string): string {
  return `${folder}/${name}`;
}

/** The name by which `ip -n` finds a namespace that has none: it looks below its folder only. */
export function namespaceAt(path: string): string {
  return `../../..${path}`;
}

/** After: the namespace exists, that of the process unless it did before, `lo` is up and the settings below hold. */
export async function ensureNamespace(host: LinuxHost, name: string, pid?: number): Promise<void> {
  await addNamespace(host, name, pid);
  try {
    await configure(host, name);
  } catch (error) {
    // A process that died between making the file and mounting the namespace on it leaves a plain file.
    if (!/setting the network namespace|reassociate to namespace/.test(messageOf(error))) throw error;
    await removeNamespace(host, name);
    await addNamespace(host, name, pid);
    await configure(host, name);
  }
}

async function addNamespace(host: LinuxHost, name: string, pid?: number): Promise<void> {
  const add = pid === undefined ? ip`netns add ${name}` : ip`netns attach ${name} ${pid}`;
  await batch(host, [tolerating(/File exists/, add)]);
}

const settings = '/proc/sys/net/ipv4/conf/all';
const ipv6 = '/proc/sys/net/ipv6/conf';

/**
 * A container may have two interfaces in one subnet, or replies that leave by another one than the
 * question came by: answer ARP only for the interface's own addresses, and check return paths loosely
 * (Documentation/networking/ip-sysctl, RFC 3704 section 2.4). `all` wins over the interfaces' own values.
 * IPv6 is off on what comes into it, as in Docker's containers: who plugs switches it on (settings.ts). A MAC that is
 * set is announced to the neighbours (announce.ts).
 */
export const settingsScript = [
  `cd ${settings} && echo 1 > arp_ignore && echo 2 > arp_announce && echo 2 > rp_filter && echo 1 > arp_notify`,
  `if [ -e ${ipv6} ]; then echo 1 > ${ipv6}/default/disable_ipv6 && echo 1 > ${ipv6}/all/ndisc_notify; fi`,
].join(' && ');

async function configure(host: LinuxHost, name: string): Promise<void> {
  const up = [ip`link set dev lo up`];
  // A session's process makes the settings as it starts.
  if ((await host.ip.renew(name, up)).done === up.length) return;
  // /proc/sys/net shows the namespace of who opens it.
  await output(host, ['/bin/sh', '-c', settingsScript], { namespace: namespacePath(name) });
  await batch(host, up, name);
}

/** After: neither the namespace nor an interface of it is there. */
export async function removeNamespace(host: LinuxHost, name: string): Promise<void> {
  if (!(await namespaces()).includes(name)) return;
  // The kernel takes a namespace apart some time after its last user left: interfaces go first, at once.
  await removeLinks(host, name);
  await host.ip.leave(name);
  await batch(host, [tolerating(/No such file/, ip`netns del ${name}`)]);
}

async function removeLinks(host: LinuxHost, namespace: string): Promise<void> {
  const there = await host.ip.interfacesIn(namespace);
  if (there?.every((name) => name === 'lo')) return;
  try {
    const links = await query(host, z.array(linkSchema), ['-d', 'link', 'show'], namespace);
    const made = links?.filter((link) => link.linkinfo?.info_kind !== undefined) ?? [];
    await batch(
      host,
      made.map(({ ifname }) => ip`link del dev ${ifname}`),
      namespace,
    );
  } catch (error) {
    if (
      error instanceof BatchError ||
      (error instanceof FairleadError && /setting the network/.test(error.message))
    ) {
      return;
    }
    throw error;
  }
}

/** Names of all named namespaces of the machine. */
export async function namespaces(): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** The first 12 digits of the ids of this node's sandboxes. */
export async function ownedSandboxes(tag: string): Promise<readonly string[]> {
  return (await namespaces()).flatMap((name) => sandboxOfName(tag, name) ?? []);
}
