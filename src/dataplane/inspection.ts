import type { BridgeSpec, DefaultRoutes } from './links.ts';
import type { ParentSpec } from './parents.ts';
import type { VxlanSpec } from './tunnels.ts';

/** Questions that change nothing. */
export interface Inspection {
  /** Everything this node has made, for finding orphans. */
  owned(): Promise<Owned>;
  /**
   * What is there of this node's, for comparison with what should be: nothing is changed. Only the
   * named sandboxes are looked at. Where the firewall differs from the rules applied last, the next `applyFirewall` writes it anew.
   */
  survey(sandboxIds: readonly string[]): Promise<Survey>;
  /**
   * What of this host, and not of ours, keeps packets from the networks of the firewall applied last: each in one line,
   * with what to type against it.
   */
  obstacles(): Promise<readonly string[]>;
  /** Subnets that routes of the host lie in (CIDR), so that no pool is chosen on top of one. */
  hostSubnets(): Promise<readonly string[]>;
  /** Bytes, of the host's interface with this address; undefined when none has it. */
  mtuOf(address: string): Promise<number | undefined>;

  /**
   * Would (simulated) or does (linux: a real echo request or connect) `from` reach the address? A path is that of a
   * network namespace that is none of our sandboxes.
   */
  reach(fromSandbox: string, to: ReachTarget): Promise<Reachability>;
}

export interface Owned {
  /** The first 12 digits of their ids, which `removeSandbox` takes as well. */
  readonly sandboxes: readonly string[];
  /** And parents (`ensureParent`): what `removeBridge` takes. */
  readonly bridges: readonly string[];
  /** Host ends of veth pairs. */
  readonly interfaces: readonly string[];
  readonly vxlans: readonly string[];
}

/** As found; addresses canonical, MACs in lower case. */
export interface Survey {
  readonly bridges: readonly (BridgeSpec & { readonly up: boolean })[];
  readonly vxlans: readonly (VxlanSpec & { readonly up: boolean })[];
  /** Those that `ensureParent` has made. */
  readonly parents: readonly (ParentSpec & { readonly up: boolean })[];
  /** Host ends of veth pairs, and the bridges they are in. */
  readonly hostEnds: readonly { readonly name: string; readonly bridge?: string; readonly up: boolean }[];
  /** Those that are there, in the order they were asked for; `id` as asked. */
  readonly sandboxes: readonly SurveyedSandbox[];
  /** Lines of the packet filter, in words of its own. */
  readonly firewall: { readonly missing: readonly string[]; readonly surplus: readonly string[] };
}

export interface SurveyedSandbox {
  readonly id: string;
  /** All but `lo`. */
  readonly interfaces: readonly {
    readonly name: string;
    /** With prefix length, link-local ones left out. */
    readonly addresses: readonly string[];
    readonly mac?: string;
    readonly up: boolean;
  }[];
  readonly routes: DefaultRoutes;
}

export interface ReachTarget {
  readonly address: string;
  /** Absent: ICMP echo. */
  readonly port?: { readonly protocol: 'tcp' | 'udp'; readonly port: number };
}

export interface Reachability {
  readonly reachable: boolean;
  /** The hops of the path, in words: `eth0`, `fl3a…-foo (bridge)`, `eth0 of c1`. Empty when unknown. */
  readonly path: readonly string[];
  /** Why not, in one line. */
  readonly reason?: string;
}
