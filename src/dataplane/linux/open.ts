import { readFile } from 'node:fs/promises';
import { type Family, familyOf } from '../../lib/addresses.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { SerialQueue } from '../../lib/serial-queue.ts';
import { runAll } from '../../lib/undo.ts';
import type { Association, AssociationChanges } from '../associations.ts';
import type { Dataplane } from '../dataplane.ts';
import type { Firewall, PortTarget, PublishedPort } from '../firewall.ts';
import type { Owned, Reachability, ReachTarget, Survey } from '../inspection.ts';
import type { BridgeSpec, DefaultRoutes, DetachedVeth, HostEnd, Plug } from '../links.ts';
import { isBridgeName, isHostEndName, isVxlanName, resolverDevice, sandboxName } from '../names.ts';
import { hostSandbox } from '../sandboxes.ts';
import type { TunnelChanges, TunnelEntries, VxlanSpec } from '../tunnels.ts';
import { Forwarding } from './firewall/forwarding.ts';
import { SourceGuard } from './firewall/source-guard.ts';
import { type FirewallOptions, FirewallState } from './firewall/state.ts';
import { firewallObstacles } from './host-firewall/obstacles.ts';
import { hostSubnets, reserveSubnets, routeFiles } from './host-subnets.ts';
import { showLinks } from './ip.ts';
import { adoptInterface, returnInterface } from './links/adopted-interface.ts';
import { announce } from './links/announce.ts';
import { ensureBridge, isOurs, removeBridge } from './links/bridges.ts';
import { createDetachedVeth, ensureAddress } from './links/detached-veth.ts';
import {
  ensureNamespace,
  namespaceAt,
  namespacePath,
  ownedSandboxes,
  removeNamespace,
} from './links/netns.ts';
import { setDefaultRoutes } from './links/routes.ts';
import { plugVeth, unplugVeth } from './links/veth.ts';
import { type LinuxHost, openLinuxHost } from './linux-host.ts';
import { HeldPorts } from './ports/held-ports.ts';
import { reach } from './reach.ts';
import { surveyLinks } from './survey.ts';
import { changeAssociations, showAssociations } from './tunnels/associations.ts';
import { encryptionObstacle } from './tunnels/encryption-obstacle.ts';
import { changeTunnel, mtuOf, readTunnel } from './tunnels/tunnel-entries.ts';
import { ensureVxlan, removeUnusedPolicies, removeVxlan } from './tunnels/vxlan.ts';

export interface LinuxOptions {
  /** Four hex digits, this node's own; see names.ts. */
  readonly tag: string;
  readonly log: Logger;
  /** Path of the namespace that plays the host's. Default: the one this process is in. */
  readonly hostNamespace?: string;
  /** A file of this node's, for what has to be put back after a restart as well; absent: it is not. */
  readonly memory?: string;
  /** Milliseconds; see firewall/state.ts. */
  readonly trustFirewallFor?: number;
}

/** The data plane of iproute2, nftables and named network namespaces. @throws invalid for a bad tag */
export async function openLinuxDataplane(options: LinuxOptions): Promise<Dataplane> {
  if (!/^[0-9a-f]{4}$/.test(options.tag)) {
    throw new FairleadError('invalid', `invalid node tag "${options.tag}": expected four hex digits`);
  }
  const host = openLinuxHost(options.hostNamespace);
  const [iptables, conntrack] = await Promise.all([
    isInstalled(host, 'iptables'),
    isInstalled(host, 'conntrack'),
  ]);
  return new LinuxDataplane(host, options, { iptables, conntrack });
}

type InstalledTools = Pick<FirewallOptions, 'iptables' | 'conntrack'>;

class LinuxDataplane implements Dataplane {
  readonly kind = 'linux';
  readonly #host: LinuxHost;
  readonly #tag: string;
  readonly #log: Logger;
  readonly #hostNamespace: string;
  /** This process is in the host's namespace. */
  readonly #isOwnHost: boolean;
  readonly #firewall: FirewallState;
  readonly #installed: InstalledTools;
  readonly #guard: SourceGuard;
  readonly #ports = new HeldPorts();
  /** Made by this process; those with names of the user's choice cannot be told by their names. */
  readonly #namedBridges = new Set<string>();
  /** Families whose tunnels can be encrypted; what once could can. */
  readonly #encrypts = new Set<Family>();
  /** Whether a device that goes may be the last one to need policies: an earlier process may have made it. */
  #mayHavePolicies = true;
  /** What a device that is being made needs must not be taken for unused. */
  readonly #policies = new SerialQueue();

  constructor(host: LinuxHost, options: LinuxOptions, installed: InstalledTools) {
    this.#host = host;
    this.#tag = options.tag;
    this.#log = options.log;
    this.#isOwnHost = options.hostNamespace === undefined;
    this.#hostNamespace = options.hostNamespace ?? `/proc/${process.pid}/ns/net`;
    const trustFor = options.trustFirewallFor ?? 10_000;
    const { tag, log, memory } = options;
    const forwarding = new Forwarding(host, {
      ...{ tag, log, namespace: this.#hostNamespace },
      ...(memory === undefined ? {} : { memory }),
    });
    this.#firewall = new FirewallState(host, { tag, ...installed, trustFor, forwarding });
    this.#installed = installed;
    this.#guard = new SourceGuard(host, { tag, trustFor });
  }

  async ensureSandbox(sandboxId: string, pid?: number): Promise<void> {
    if (sandboxId !== hostSandbox) await ensureNamespace(this.#host, this.#namespace(sandboxId), pid);
  }

  async removeSandbox(sandboxId: string): Promise<void> {
    if (sandboxId !== hostSandbox) await removeNamespace(this.#host, this.#namespace(sandboxId));
  }

  sandboxPath(sandboxId: string): string {
    return sandboxId === hostSandbox ? this.#hostNamespace : namespacePath(this.#namespace(sandboxId));
  }

  async ensureBridge(bridge: BridgeSpec): Promise<void> {
    await ensureBridge(this.#host, this.#tag, bridge);
    this.#namedBridges.add(bridge.name);
  }

  async removeBridge(name: string): Promise<void> {
    await removeBridge(this.#host, this.#tag, name);
    this.#namedBridges.delete(name);
  }

  async ensureVxlan(vxlan: VxlanSpec): Promise<void> {
    const ensure = () => ensureVxlan(this.#host, this.#tag, vxlan);
    if (!vxlan.encrypted) return await ensure();
    this.#mayHavePolicies = true;
    await this.#policies.run('', ensure);
  }

  async removeVxlan(name: string): Promise<void> {
    await removeVxlan(this.#host, this.#tag, name);
    if (this.#mayHavePolicies) await this.#removeUnusedPolicies();
  }

  async #removeUnusedPolicies(): Promise<void> {
    await this.#policies.run('', async () => {
      this.#mayHavePolicies = await removeUnusedPolicies(this.#host, this.#tag);
    });
  }

  async encryptionObstacle(local: string): Promise<string | undefined> {
    const family = familyOf(local);
    const obstacle = this.#encrypts.has(family) ? undefined : await encryptionObstacle(this.#host, local);
    if (obstacle === undefined) this.#encrypts.add(family);
    return obstacle;
  }

  async associations(): Promise<readonly Association[]> {
    return showAssociations(this.#host, this.#tag);
  }

  async changeAssociations(changes: AssociationChanges): Promise<void> {
    await changeAssociations(this.#host, this.#tag, changes);
  }

  async tunnelEntries(name: string): Promise<TunnelEntries> {
    return readTunnel(this.#host, name);
  }

  async changeTunnel(name: string, changes: TunnelChanges): Promise<void> {
    await changeTunnel(this.#host, name, changes);
  }

  async mtuOf(address: string): Promise<number | undefined> {
    return mtuOf(this.#host, address);
  }

  async plug(sandboxId: string, plug: Plug): Promise<void> {
    const namespace = this.#namespace(sandboxId);
    const { source } = plug;
    if (source.kind === 'existing') return adoptInterface(this.#host, namespace, plug);
    const isolated = this.#firewall.isolates(source.bridge);
    const end = endOf(sandboxId, plug);
    await plugVeth(this.#host, namespace, { ...plug, source, isolated, admitted: this.#admit(end) });
    await this.announce(sandboxId, plug);
  }

  async announce(sandboxId: string, plug: Pick<Plug, 'name' | 'source' | 'mac'>): Promise<void> {
    await announce(this.#host, this.#namespace(sandboxId), plug);
  }

  async ensureDetachedVeth(veth: DetachedVeth): Promise<void> {
    const isolated = this.#firewall.isolates(veth.source.bridge);
    await createDetachedVeth(this.#host, veth, { isolated, admitted: this.#admit(veth.end) });
  }

  /** Beside what makes the interface, which may fail before it waits for this. */
  #admit(end: HostEnd | undefined): Promise<void> {
    const admitted = end ? this.#guard.admit(end) : Promise.resolve();
    admitted.catch(() => {});
    return admitted;
  }

  async ensureHostAddress(address: string): Promise<void> {
    await ensureAddress(this.#host, resolverDevice(this.#tag), address);
  }

  async reserveSubnets(subnets: readonly string[]): Promise<void> {
    const device = resolverDevice(this.#tag);
    const present = hostSubnets(
      (await this.#readAsHost(routeFiles[0])) ?? '',
      '',
      (other) => other !== device,
    );
    await reserveSubnets(this.#host, device, present, subnets);
  }

  async unplug(sandboxId: string, plug: Pick<Plug, 'name' | 'source'>): Promise<void> {
    if (plug.source.kind === 'veth') {
      await unplugVeth(this.#host, plug.source.hostName);
      return await this.#guard.forget(plug.source.hostName);
    }
    await returnInterface(this.#host, this.#namespace(sandboxId), plug, this.#hostNamespace);
  }

  async setDefaultRoutes(sandboxId: string, routes: DefaultRoutes): Promise<void> {
    await setDefaultRoutes(this.#host, this.#namespace(sandboxId), routes);
  }

  async applyFirewall(rules: Firewall): Promise<void> {
    const { networks, ends = [], partial = false } = rules;
    await this.#firewall.apply(rules);
    const isIdle = networks.length === 0 && ends.length === 0 && !this.#guard.isUsed;
    await (isIdle && !partial ? this.#guard.clear() : this.#guard.apply(ends, partial));
  }

  async obstacles(): Promise<readonly string[]> {
    const { networks, ports = [] } = this.#firewall.rules;
    const isStuck = !this.#installed.conntrack && ports.some(({ published }) => published.protocol === 'udp');
    const flows = 'UDP clients that never pause lose a published port when its container restarts';
    return [
      ...(await firewallObstacles(this.#host.exec, this.#tag, networks)),
      ...(isStuck ? [`conntrack is not installed: ${flows}; type: apt-get install conntrack`] : []),
    ];
  }

  async holdPort(port: PublishedPort, target?: PortTarget): Promise<void> {
    await this.#ports.hold(port, target);
  }

  async releasePort(port: PublishedPort): Promise<void> {
    await this.#ports.release(port);
  }

  async owned(): Promise<Owned> {
    const [sandboxes, links = []] = await Promise.all([ownedSandboxes(this.#tag), showLinks(this.#host)]);
    const names = links.map(({ ifname }) => ifname);
    return {
      sandboxes,
      bridges: links.filter((link) => isOurs(this.#tag, link)).map(({ ifname }) => ifname),
      interfaces: names.filter((name) => isHostEndName(this.#tag, name)),
      vxlans: names.filter((name) => isVxlanName(this.#tag, name)),
    };
  }

  async survey(sandboxIds: readonly string[]): Promise<Survey> {
    const [links, firewall, guard] = await Promise.all([
      surveyLinks(this.#host, this.#tag, sandboxIds),
      this.#firewall.faults(),
      this.#guard.faults(),
    ]);
    const missing = [...firewall.missing, ...guard.missing];
    return { ...links, firewall: { missing, surplus: [...firewall.surplus, ...guard.surplus] } };
  }

  async hostSubnets(): Promise<readonly string[]> {
    const own = (device: string) =>
      isBridgeName(this.#tag, device) ||
      device === resolverDevice(this.#tag) ||
      this.#namedBridges.has(device);
    const [v4, v6] = await Promise.all(routeFiles.map((file) => this.#readAsHost(file)));
    return hostSubnets(v4 ?? '', v6 ?? '', own);
  }

  async reach(fromSandbox: string, to: ReachTarget): Promise<Reachability> {
    return reach(this.#host, this.#whence(fromSandbox), to, this.#firewall.rules);
  }

  async close(): Promise<void> {
    const { sandboxes, bridges, interfaces, vxlans } = await this.owned();
    this.#log.info({ sandboxes: sandboxes.length, bridges: bridges.length }, 'putting the data plane away');
    await runAll([
      () => this.#ports.close(),
      ...interfaces.map((name) => () => unplugVeth(this.#host, name)),
      ...sandboxes.map((id) => () => this.removeSandbox(id)),
      ...vxlans.map((name) => () => this.removeVxlan(name)),
      () => this.#removeUnusedPolicies(),
      ...bridges.map((name) => () => this.removeBridge(name)),
      () => unplugVeth(this.#host, resolverDevice(this.#tag)),
      () => this.#guard.clear(),
      () => this.applyFirewall({ networks: [] }),
      () => this.#host.nft.close(),
      () => this.#host.ip.close(),
    ]);
  }

  /** A file of /proc as the host's namespace has it; empty where the kernel has none, as without IPv6. */
  async #readAsHost(file: string): Promise<string> {
    if (this.#isOwnHost) return await readFile(file, 'utf8').catch(() => '');
    return (await this.#host.exec(['cat', file])).stdout;
  }

  #whence(from: string): string | undefined {
    if (from === hostSandbox) return undefined;
    return from.startsWith('/') ? namespaceAt(from) : this.#namespace(from);
  }

  /** @throws unsupported for the host's own stack, which is not ours to change */
  #namespace(sandboxId: string): string {
    if (sandboxId === hostSandbox)
      throw new FairleadError('unsupported', "the host's own network stack is left alone");
    return sandboxName(this.#tag, sandboxId);
  }
}

/** Undefined: it may send what it likes, or it is not known what is its own. */
function endOf(sandbox: string, { source, mac, addresses, anySource }: Plug): HostEnd | undefined {
  if (anySource || mac === undefined || addresses.length === 0) return undefined;
  return { hostName: source.hostName, sandbox, mac, addresses };
}

async function isInstalled(host: LinuxHost, program: string): Promise<boolean> {
  try {
    return (await host.exec([program, '--version'])).code === 0;
  } catch {
    return false;
  }
}
