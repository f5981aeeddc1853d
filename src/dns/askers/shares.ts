/** Whose share of what is everybody's is used. */
export interface Claimant {
  /** A container's id, or what else one asker is told by; absent: the host itself, which only its network's limit holds. */
  readonly asker?: string;
  /** The network that it asks from. */
  readonly network: string;
}

export interface ShareLimits {
  readonly total: number;
  readonly perAsker: number;
}

/** Which limit is reached. */
export type Limit = 'asker' | 'network' | 'total';

/** Of the host's own programs, wherever they ask. */
export const hostClaimant: Claimant = { network: 'host' };

/**
 * A number of things that all askers have together, divided so that whoever comes next finds some of it free: one
 * asker has at most `perAsker`, and half of what its network may still take; a network has at most as many as all
 * networks have left. These are the dynamic thresholds of switches (Choudhury and Hahne 1998): k greedy askers of a
 * network stop at 1/(k+1) of its part each, and the last part stays free.
 */
export class Shares {
  readonly #byAsker = new Map<string, number>();
  readonly #byNetwork = new Map<string, number>();
  #taken = 0;

  constructor(private readonly limits: ShareLimits) {}

  get taken(): number {
    return this.#taken;
  }

  /** Of this asker, or of the host's programs together. */
  takenBy({ asker, network }: Claimant): number {
    return (asker === undefined ? this.#byNetwork.get(network) : this.#byAsker.get(asker)) ?? 0;
  }

  /** Takes one, to be given back. @returns the limit that forbids it, if one does: then none is taken */
  take(claimant: Claimant): Limit | undefined {
    const limit = this.#limitOf(claimant);
    if (limit === undefined) this.#add(claimant, 1);
    return limit;
  }

  giveBack(claimant: Claimant): void {
    this.#add(claimant, -1);
  }

  #limitOf(claimant: Claimant): Limit | undefined {
    const left = this.limits.total - this.#taken;
    if (left <= 0) return 'total';
    const forNetwork = (left - (this.#byNetwork.get(claimant.network) ?? 0)) / 2;
    if (forNetwork <= 0) return 'network';
    if (claimant.asker === undefined) return undefined;
    return this.takenBy(claimant) < Math.min(this.limits.perAsker, forNetwork) ? undefined : 'asker';
  }

  #add({ asker, network }: Claimant, change: number): void {
    this.#taken += change;
    if (asker !== undefined) add(this.#byAsker, asker, change);
    add(this.#byNetwork, network, change);
  }
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
