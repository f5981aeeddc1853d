import * as z from 'zod';
import { type Family, familyOf } from '../../../lib/addresses.ts';
import { SerialQueue } from '../../../lib/serial-queue.ts';
import type { Firewall, PortRule } from '../../firewall.ts';
import type { Survey } from '../../inspection.ts';
import { tableName } from '../../names.ts';
import { output } from '../exec.ts';
import { batch, ip, showLinks } from '../ip.ts';
import { setIsolation } from '../links/veth.ts';
import type { LinuxHost } from '../linux-host.ts';
import { changeRules, loadRules } from '../nft.ts';
import { dockerUserFaults, dockerUserPrefixes, syncDockerUser } from './docker-user.ts';
import { firewallFaults } from './faults.ts';
import type { Forwarding } from './forwarding.ts';
import { type HostFirewall, renderChanges, renderFirewall } from './render.ts';
import { forgetStaleFlows, portChanges } from './stale-flows.ts';

export interface FirewallOptions {
  readonly tag: string;
  readonly forwarding: Forwarding;
  /** Where iptables is installed, a Docker Engine may be. */
  readonly iptables: boolean;
  /** Where conntrack(8) is installed, flows follow the ports' rules. */
  readonly conntrack: boolean;
  /**
   * Milliseconds for which equal rules are taken to be still in the kernel. Less than the pause between
   * two reconciles, so that each of those looks; more than a burst of attaches takes.
   */
  readonly trustFor: number;
}

/** What this process has put into the kernel's packet filters. */
export class FirewallState {
  readonly #queue = new SerialQueue();
  /** The newest value that was asked for. */
  #rules: HostFirewall = { networks: [] };
  /** Underlay addresses that an earlier process has let in; asked for once. */
  #spared: Promise<readonly string[]> | undefined;
  /** What the kernel holds, when last we knew; absent before the first write and after a failed one. */
  #applied: { readonly rules: HostFirewall; readonly text: string; readonly at: number } | undefined;

  /** The ports whose flows are known to follow them. */
  #followed: readonly PortRule[] = [];

  #dockerUser: { readonly named: string | undefined; readonly at: number } = { named: undefined, at: 0 };

  constructor(
    private readonly host: LinuxHost,
    private readonly options: FirewallOptions,
  ) {}

  get rules(): Firewall {
    return this.#rules;
  }

  /** Whether ports of this bridge are to be kept apart. */
  isolates(bridge: string): boolean {
    return this.#rules.networks.some((rules) => rules.bridge === bridge && !rules.icc);
  }

  /** How the kernel differs from the newest rules; where it does, the next `apply` writes all of them. */
  faults(): Promise<Survey['firewall']> {
    return this.#queue.run('firewall', async () => {
      const { tag, iptables } = this.options;
      const own = await firewallFaults(this.host, 'inet', tag, renderFirewall(tag, this.#rules));
      const docker = iptables ? await dockerUserFaults(this.host, tag, bridgesOf(this.#rules)) : none;
      if (docker.missing.length + docker.surplus.length > 0) this.#dockerUser = { named: undefined, at: 0 };
      const faults = {
        missing: [...own.missing, ...docker.missing],
        surplus: this.#rules.partial ? [] : [...own.surplus, ...docker.surplus],
      };
      if (faults.missing.length + faults.surplus.length > 0) this.#applied = undefined;
      return faults;
    });
  }

  /** One at a time, in the order of the calls: an older value must not be written over a newer one. */
  apply(rules: Firewall): Promise<void> {
    return this.#queue.run('firewall', () => this.#apply(rules));
  }

  async #apply(wanted: Firewall): Promise<void> {
    const { forwarding } = this.options;
    const families = forwardedFamilies(wanted);
    const opened = await forwarding.prepare(families);
    const rules = { ...wanted, nodes: await this.#nodesOf(wanted), opened };
    // What closes a family to others comes before it is on, and goes after it.
    if (!rules.partial) await forwarding.release(families);
    await this.#applyRules(rules);
    await forwarding.open(families);
  }

  async #applyRules(rules: HostFirewall): Promise<void> {
    const text = renderFirewall(this.options.tag, rules);
    const applied = this.#applied?.rules.partial === rules.partial ? this.#applied : undefined;
    const equal = text === applied?.text;
    if (equal && performance.now() - applied.at < this.options.trustFor) return;
    this.#rules = rules;
    this.#applied = undefined;
    if (!equal || !(await this.#isThere(rules)))
      await this.#write(rules, text, equal ? undefined : applied?.rules);
    await this.#preparePorts(rules);
    await this.#syncDockerUser(rules);
    await this.#forgetFlows(rules);
    this.#applied = { rules, text, at: performance.now() };
  }

  /**
   * Those that are known, and, where that is asked for, those that an earlier process knew. None before there is a tunnel:
   * one that was put in and has gone would be taken out of what that process has left, before it is looked at.
   */
  async #nodesOf({ networks, nodes = [], spareNodes = false }: Firewall): Promise<readonly string[]> {
    if (networks.every(({ tunnelPort }) => tunnelPort === undefined)) return [];
    if (!spareNodes) return nodes;
    this.#spared ??= readNodes(this.host, this.options.tag);
    return [...nodes, ...(await this.#spared)];
  }

  /** After the rules are written: a flow that began without them is listed then. */
  async #forgetFlows({ ports = [] }: Firewall): Promise<void> {
    if (this.options.conntrack) await forgetStaleFlows(this.host, portChanges(this.#followed, ports));
    this.#followed = ports;
  }

  /** Others flush rule sets: `nft flush ruleset` on a reload of somebody's firewall takes ours along. */
  async #isThere({ networks }: Firewall): Promise<boolean> {
    const tables = await output(this.host, ['nft', 'list', 'tables']);
    const there = tables.split('\n').includes(`table inet ${tableName(this.options.tag)}`);
    return there === networks.length > 0;
  }

  async #write(rules: HostFirewall, text: string, before: HostFirewall | undefined): Promise<void> {
    const from = before ?? (rules.partial ? { networks: [] } : undefined);
    if (!from || !(await this.#change(from, rules))) await loadRules(this.host, text);
    await this.#separatePorts(rules);
  }

  /** Four processes: only when there is another bridge to name, or nobody has looked for a while. */
  async #syncDockerUser({ networks, partial = false }: Firewall): Promise<void> {
    const { iptables, tag, trustFor } = this.options;
    if (!iptables) return;
    const bridges = bridgesOf({ networks });
    const named = [...dockerUserPrefixes(tag, bridges), ...(partial ? ['and others'] : [])].join(' ');
    const { named: before, at } = this.#dockerUser;
    if (named === before && performance.now() - at < trustFor) return;
    await syncDockerUser(this.host, tag, bridges, partial);
    this.#dockerUser = { named, at: performance.now() };
  }

  /** @returns false where all of it has to be written, as where the table has gone */
  async #change(before: HostFirewall, rules: HostFirewall): Promise<boolean> {
    const commands = renderChanges(this.options.tag, before, rules);
    if (!commands) return false;
    return await changeRules(this.host, commands);
  }

  /**
   * Settings that published ports need beside their rules: route_localnet for the host's 127.0.0.1
   * (ports.ts), and hairpin mode for a target that calls its own port: with bridge-nf-call-iptables=1
   * its packet never leaves the bridge and has to go back where it came from. Both go with their device.
   */
  async #preparePorts({ ports = [] }: Firewall): Promise<void> {
    if (ports.length === 0) return;
    const bridges = new Set(
      ports.filter(({ target }) => familyOf(target.address) === 4).map((p) => p.bridge),
    );
    const files = [...bridges].map((bridge) => `/proc/sys/net/ipv4/conf/${bridge}/route_localnet`);
    if (files.length > 0) await output(this.host, ['tee', ...files], { input: '1' });
    const links = (await showLinks(this.host)) ?? [];
    const ends = new Set(ports.map(({ hostEnd }) => hostEnd));
    const present = links.filter(({ ifname, master }) => master !== undefined && ends.has(ifname));
    await batch(
      this.host,
      present.map(({ ifname }) => ip`link set dev ${ifname} type bridge_slave hairpin on`),
    );
  }

  /** Ports that were plugged before the rules were known; later ones are set apart as they are plugged. */
  async #separatePorts({ networks }: Firewall): Promise<void> {
    const bridges = new Set(networks.filter(({ icc }) => !icc).map(({ bridge }) => bridge));
    if (bridges.size === 0) return;
    const links = (await showLinks(this.host)) ?? [];
    const ports = links.filter(({ master }) => master !== undefined && bridges.has(master));
    await batch(
      this.host,
      ports.map(({ ifname }) => setIsolation(ifname, true)),
    );
  }
}

const none = { missing: [], surplus: [] };

/** Of those, what is forwarded to and from the networks. */
function forwardedFamilies({ networks }: Firewall): ReadonlySet<Family> {
  const open = networks.filter(({ internal }) => !internal).flatMap(({ subnets }) => subnets);
  return new Set(open.map(familyOf));
}

const nodeSet = z.object({
  nftables: z.array(z.object({ set: z.object({ elem: z.array(z.string()).optional() }).optional() })),
});

/** What the kernel's table has of them. */
async function readNodes(host: LinuxHost, tag: string): Promise<readonly string[]> {
  const listings = await Promise.all(
    ['nodes4', 'nodes6'].map((set) => host.exec(['nft', '-j', 'list', 'set', 'inet', tableName(tag), set])),
  );
  const there = listings.filter(({ code }) => code === 0);
  const sets = there.flatMap(({ stdout }) => nodeSet.parse(JSON.parse(stdout)).nftables);
  return sets.flatMap(({ set }) => set?.elem ?? []);
}

function bridgesOf({ networks }: Firewall): string[] {
  return networks.map(({ bridge }) => bridge);
}
