import * as z from 'zod';
import { type Family, familyOf, parseAddress } from '../../../lib/addresses.ts';
import type { PortRule } from '../../firewall.ts';
import { linkSchema, query } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';

/** A flow of conntrack(8): where its sender addresses it, and who answers. */
export interface Flow {
  readonly address: string;
  readonly port: number;
  readonly target: string;
  readonly targetPort: number;
}

export interface PortChanges {
  readonly added: readonly PortRule[];
  readonly removed: readonly PortRule[];
}

export function portChanges(before: readonly PortRule[], after: readonly PortRule[]): PortChanges {
  const [old, now] = [new Set(before.map(keyOf)), new Set(after.map(keyOf))];
  return {
    added: after.filter((rule) => !old.has(keyOf(rule))),
    removed: before.filter((rule) => !now.has(keyOf(rule))),
  };
}

function keyOf({ published, target }: PortRule): string {
  const { protocol, address, port } = published;
  return `${protocol} ${address} ${port} ${target.address} ${target.port}`;
}

/**
 * A port's rule is looked at once for each flow: conntrack keeps its verdict while packets come. A client that goes on
 * sending would so reach the address that a restarted container had before, or, from the time without a rule, the host
 * itself. After: the next packet of such a flow meets the rules of today. Of TCP only what leads to a removed
 * target: a connection that met no rule is refused at once.
 */
export async function forgetStaleFlows(host: LinuxHost, { added, removed }: PortChanges): Promise<void> {
  const lasting = added.filter(({ published }) => published.protocol === 'udp');
  const concerned = [...lasting, ...removed];
  if (concerned.length === 0) return;
  const own = await ownAddresses(host);
  for (const protocol of new Set(concerned.map(({ published }) => published.protocol))) {
    const rules = concerned.filter(({ published }) => published.protocol === protocol);
    for (const family of new Set(rules.map(({ target }) => familyOf(target.address)))) {
      const table = ['-f', `ipv${family}`, '-p', protocol];
      const { stdout } = await host.exec(['conntrack', '-L', ...table]);
      const stale = staleFlows(parseFlows(stdout), { added: lasting, removed }, protocol, own);
      for (const { address, port, target } of stale) {
        const flow = ['--orig-dst', address, '--orig-port-dst', String(port), '--reply-src', target];
        // It fails where the flow has ended by itself meanwhile.
        await host.exec(['conntrack', '-D', ...table, ...flow]);
      }
    }
  }
}

/** Each once. Pure. */
export function staleFlows(
  flows: readonly Flow[],
  { added, removed }: PortChanges,
  protocol: PortRule['published']['protocol'],
  own: ReadonlySet<string>,
): readonly Flow[] {
  const leads = ({ target, targetPort }: Flow, rule: PortRule) =>
    target === rule.target.address && targetPort === rule.target.port;
  const concerns = ({ address, port }: Flow, { published }: PortRule) =>
    published.protocol === protocol &&
    published.port === port &&
    (published.address === wildcards[familyOf(address)] ? isOwn(address) : published.address === address);
  // All of 127.0.0.0/8 is the host's; its interface has the first only.
  const isOwn = (address: string) => own.has(address) || address.startsWith('127.');
  const stale = flows.filter(
    (flow) =>
      removed.some((rule) => concerns(flow, rule) && leads(flow, rule)) ||
      added.some((rule) => concerns(flow, rule) && !leads(flow, rule)),
  );
  return [...new Map(stale.map((flow) => [`${flow.address} ${flow.port} ${flow.target}`, flow])).values()];
}

const wildcards: Readonly<Record<Family, string>> = { 4: '0.0.0.0', 6: '::' };

/** Each line has the tuple of either direction: `src=… dst=… sport=… dport=…`. */
export function parseFlows(listing: string): readonly Flow[] {
  return listing.split('\n').flatMap((line) => {
    const [there, back] = [...line.matchAll(/src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)/g)];
    const [, , address = '', , port = ''] = there ?? [];
    const [, target = '', , targetPort = ''] = back ?? [];
    if (address === '' || target === '') return [];
    const flow = { port: Number(port), targetPort: Number(targetPort) };
    return [{ ...flow, address: parseAddress(address), target: parseAddress(target) }];
  });
}

async function ownAddresses(host: LinuxHost): Promise<ReadonlySet<string>> {
  const links = (await query(host, z.array(linkSchema), ['addr', 'show'])) ?? [];
  return new Set(links.flatMap(({ addr_info = [] }) => addr_info.flatMap(({ local }) => local ?? [])));
}
