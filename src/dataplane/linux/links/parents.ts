import { randomBytes } from 'node:crypto';
import { FairleadError, messageOf } from '../../../lib/errors.ts';
import { ownerAlias } from '../../names.ts';
import type { ParentLink, ParentSpec, StackedType } from '../../parents.ts';
import { BatchError, batch, type Command, ip, showLink, tolerating } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { deafness, writeSettings } from '../settings.ts';
import { isOurs } from './bridges.ts';

export async function showParent(
  host: LinuxHost,
  tag: string,
  name: string,
): Promise<ParentLink | undefined> {
  const link = await showLink(host, name);
  return link && { loopback: link.flags.includes('LOOPBACK'), mtu: link.mtu, own: isOurs(tag, link) };
}

/** Devices behind which is nothing, and which have a carrier all the same; a kernel may lack the first. */
const isolatedKinds = ['dummy', 'ifb'] as const;

/** @throws not-found | unsupported */
export async function ensureParent(host: LinuxHost, tag: string, spec: ParentSpec): Promise<void> {
  const { name } = spec;
  const found = await showLink(host, name);
  if (found && !isOurs(tag, found)) return;
  if (!found) await create(host, spec);
  await batch(host, [ip`link set dev ${name} alias ${ownerAlias(tag)}`]);
  // It is there for its containers: the host has no part in what it carries.
  await writeSettings(host, deafness(name, false));
  await batch(host, [ip`link set dev ${name} up`]);
}

async function create(host: LinuxHost, spec: ParentSpec): Promise<void> {
  const refusals: string[] = [];
  for (const command of creations(spec)) {
    try {
      return await batch(host, [tolerating(/File exists/, command)]);
    } catch (error) {
      if (!(error instanceof BatchError)) throw error;
      if (spec.kind === 'vlan' && /Cannot find device|does not exist/.test(error.reason))
        throw new FairleadError('not-found', `${spec.name}: the host has no interface ${spec.parent}`, {
          cause: error,
        });
      refusals.push(error.reason);
    }
  }
  throw new FairleadError('unsupported', `cannot make ${spec.name}: ${refusals.join('; ')}`);
}

function creations(spec: ParentSpec): readonly Command[] {
  const { name } = spec;
  if (spec.kind === 'isolated') return isolatedKinds.map((kind) => ip`link add name ${name} type ${kind}`);
  return [ip`link add link ${spec.parent} name ${name} type vlan id ${spec.id}`];
}

/** What a kernel is configured with that has such devices. */
const configured = {
  macvlan: 'CONFIG_MACVLAN',
  ipvlan: 'CONFIG_IPVLAN',
  vlan: 'CONFIG_VLAN_8021Q',
  isolated: 'CONFIG_DUMMY',
} as const;

/** A kernel loads what it has as modules when it is first asked. */
export async function lacks(
  host: LinuxHost,
  kind: StackedType | ParentSpec['kind'],
): Promise<string | undefined> {
  const name = `flprobe-${randomBytes(4).toString('hex')}`;
  try {
    await batch(host, [ip`netns add ${name}`]);
    const trials = trialsOf(kind);
    const reasons = await Promise.all(trials.map((words) => refusal(host, name, words)));
    if (reasons.includes(undefined)) return undefined;
    return `this kernel has no ${kind === 'vlan' ? '802.1q' : kind} devices (${configured[kind]}): ${reasons[0]?.replace(/^Error: /, '')}`;
  } finally {
    await batch(host, [tolerating(/No such file/, ip`netns del ${name}`)]);
  }
}

function trialsOf(kind: StackedType | ParentSpec['kind']): readonly Command[] {
  if (kind === 'isolated') return isolatedKinds.map((each) => ip`link add name ${each} type ${each}`);
  if (kind === 'vlan') return [ip`link add link lower name upper type vlan id 1`];
  return [ip`link add link lower name upper type ${kind}`];
}

async function refusal(host: LinuxHost, namespace: string, trial: Command): Promise<string | undefined> {
  try {
    await batch(host, [tolerating(/File exists/, ip`link add name lower type bridge`), trial], namespace);
    return undefined;
  } catch (error) {
    return error instanceof BatchError ? error.reason : messageOf(error);
  }
}
