import * as z from 'zod';
import { FairleadError } from '../../../lib/errors.ts';
import type { InterfaceSource, Plug } from '../../links.ts';
import { isHostEndName } from '../../names.ts';
import { BatchError, batch, type Command, ip, linkSchema, query, showLink, tolerating } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { setIpv6 } from '../settings.ts';
import { hasIpv6 } from './addresses.ts';
import { namespacePath } from './netns.ts';
import { innerChanges, inside, writeSysctls } from './veth.ts';

export interface StackedPlug extends Plug {
  readonly source: Extract<InterfaceSource, { kind: 'stacked' }>;
}

/**
 * Made in the sandbox at once: the host never has it. Its alias is the endpoint's name for it, since it may be called as
 * another one of the sandbox was before.
 */
export async function plugStacked(
  host: LinuxHost,
  tag: string,
  namespace: string,
  plug: StackedPlug,
): Promise<void> {
  try {
    await create(host, namespace, plug);
  } catch (error) {
    if (!(error instanceof BatchError) || !/File exists/.test(error.reason)) throw explained(error, plug);
    await repair(host, tag, namespace, plug);
  }
}

async function create(host: LinuxHost, namespace: string, plug: StackedPlug): Promise<void> {
  const { name, source } = plug;
  await batch(host, [creation(namespace, plug)]);
  try {
    await batch(host, [ip`link set dev ${name} alias ${source.hostName}`], namespace);
    if (hasIpv6(plug)) await setIpv6(host, namespacePath(namespace), name, true);
    await batch(host, inside(plug), namespace);
    await writeSysctls(host, namespace, plug);
  } catch (error) {
    await batch(host, [tolerating(/Cannot find device/, ip`link del dev ${name}`)], namespace);
    throw error;
  }
}

function creation(namespace: string, { name, source, mac, mtu }: StackedPlug): Command {
  const { parent, type, mode, flag } = source;
  const parts = [
    ip`link add link ${parent} name ${name} netns ${namespace}`,
    mtu === undefined ? ip`` : ip`mtu ${mtu}`,
    mac === undefined ? ip`` : ip`address ${mac}`,
    ip`type ${type} mode ${mode}`,
    flag === undefined ? ip`` : ip`${flag}`,
  ];
  return { words: parts.flatMap(({ words }) => words) };
}

/** Something in the sandbox has its name: it is there already, an earlier one was left there, or it is somebody else's. */
async function repair(host: LinuxHost, tag: string, namespace: string, plug: StackedPlug): Promise<void> {
  const { name, source } = plug;
  const [inner, parent] = await Promise.all([showLink(host, name, namespace), showLink(host, source.parent)]);
  if (inner?.ifalias === source.hostName && inner.link_index === parent?.ifindex) {
    if (hasIpv6(plug)) await setIpv6(host, namespacePath(namespace), name, true);
    await batch(host, innerChanges(inner, plug), namespace);
    return await writeSysctls(host, namespace, plug);
  }
  if (!isHostEndName(tag, inner?.ifalias ?? ''))
    throw new FairleadError('conflict', `plug ${name}: the sandbox has another interface of this name`);
  await batch(host, [tolerating(/Cannot find device/, ip`link del dev ${name}`)], namespace);
  await create(host, namespace, plug);
}

/** Found by its alias, whatever it is called there. */
export async function unplugStacked(host: LinuxHost, namespace: string, hostName: string): Promise<void> {
  const links = (await query(host, z.array(linkSchema), ['link', 'show'], namespace)) ?? [];
  const ours = links.filter(({ ifalias }) => ifalias === hostName);
  await batch(
    host,
    ours.map(({ ifname }) => tolerating(/Cannot find device/, ip`link del dev ${ifname}`)),
    namespace,
  );
}

/** In the Engine's words where the kernel has no port for it on the parent. */
function explained(error: unknown, { name, source: { parent, type } }: StackedPlug): unknown {
  if (!(error instanceof BatchError)) return error;
  const { reason } = error;
  if (/Invalid "netns" value|Cannot open network namespace/.test(reason))
    return new FairleadError('not-found', `plug ${name}: no such sandbox`, { cause: error });
  if (/Cannot find device|does not exist/.test(reason))
    return new FairleadError('not-found', `plug ${name}: the host has no interface ${parent}`, {
      cause: error,
    });
  const why =
    type === 'macvlan' && /Invalid argument/.test(reason)
      ? `${parent} carries one container only in mode passthru`
      : reason;
  return new FairleadError('conflict', `failed to create the ${type} port on ${parent}: ${why}`, {
    cause: error,
  });
}
