import * as z from 'zod';
import type { Survey, SurveyedSandbox } from '../inspection.ts';
import type { DefaultRoutes } from '../links.ts';
import { isHostEndName, isParentName, sandboxName } from '../names.ts';
import type { ParentSpec } from '../parents.ts';
import { type Link, linkSchema, query } from './ip.ts';
import { globalAddresses } from './links/addresses.ts';
import { isOurs } from './links/bridges.ts';
import type { LinuxHost } from './linux-host.ts';
import { showVxlans } from './tunnels/vxlan.ts';

/** Two processes for the host, and three for each sandbox. */
export async function surveyLinks(
  host: LinuxHost,
  tag: string,
  sandboxIds: readonly string[],
): Promise<Omit<Survey, 'firewall'>> {
  const [links = [], vxlans, sandboxes] = await Promise.all([
    query(host, z.array(linkSchema), ['-d', 'addr', 'show']),
    showVxlans(host, tag),
    surveySandboxes(host, tag, sandboxIds),
  ]);
  const bridges = links.filter((link) => link.linkinfo?.info_kind === 'bridge' && isOurs(tag, link));
  const own = links.filter((link) => isOurs(tag, link));
  return {
    parents: own.flatMap((link) => {
      const spec = parentOf(tag, link);
      return spec ? [{ ...spec, up: isUp(link) }] : [];
    }),
    bridges: bridges.map((link) => ({
      name: link.ifname,
      addresses: globalAddresses(link),
      mtu: link.mtu,
      ...macOf(link),
      up: isUp(link),
    })),
    vxlans,
    hostEnds: links
      .filter(({ ifname }) => isHostEndName(tag, ifname))
      .map((link) => ({
        name: link.ifname,
        ...(link.master === undefined ? {} : { bridge: link.master }),
        up: isUp(link),
      })),
    sandboxes,
  };
}

/** One after another: hundreds of processes at once would take the machine away from everybody else. */
async function surveySandboxes(
  host: LinuxHost,
  tag: string,
  ids: readonly string[],
): Promise<SurveyedSandbox[]> {
  const found: SurveyedSandbox[] = [];
  for (const id of ids) {
    const namespace = sandboxName(tag, id);
    const links = await query(host, z.array(linkSchema), ['-d', 'addr', 'show'], namespace);
    if (!links) continue;
    const interfaces = links
      .filter(({ ifname }) => ifname !== 'lo')
      .map((link) => ({
        name: link.ifname,
        addresses: globalAddresses(link),
        ...macOf(link),
        up: isUp(link),
      }));
    found.push({ id, interfaces, routes: await defaultRoutes(host, namespace) });
  }
  return found;
}

const routeSchema = z.array(z.object({ gateway: z.string().optional() }));

async function defaultRoutes(host: LinuxHost, namespace: string): Promise<DefaultRoutes> {
  const [ipv4, ipv6] = await Promise.all(
    ['-4', '-6'].map(async (family) => {
      const routes = await query(host, routeSchema, [family, 'route', 'show', 'default'], namespace);
      return routes?.[0]?.gateway;
    }),
  );
  return { ...(ipv4 ? { ipv4 } : {}), ...(ipv6 ? { ipv6 } : {}) };
}

function parentOf(
  tag: string,
  { ifname: name, link: parent = '', linkinfo = {} }: Link,
): ParentSpec | undefined {
  const { id } = linkinfo.info_data ?? {};
  if (linkinfo.info_kind === 'vlan' && id !== undefined) return { kind: 'vlan', name, parent, id };
  return isParentName(tag, name) ? { kind: 'isolated', name } : undefined;
}

/** That of an ipvlan is its parent's. */
function macOf({ address, linkinfo }: Link): { readonly mac?: string } {
  return address === undefined || linkinfo?.info_kind === 'ipvlan' ? {} : { mac: address.toLowerCase() };
}

function isUp({ flags }: Link): boolean {
  return flags.includes('UP');
}
