import { readFileSync, statSync } from 'node:fs';
import { parseResolvConf, type Upstream } from '../askers/resolv-conf.ts';
import type { UpstreamHealth } from './upstream-health.ts';

/** How often the resolv.conf is looked at for changes (DHCP, VPN); only while queries are forwarded. */
const recheckMs = 5_000;

/** Which servers to ask, and in what order. */
export class Upstreams {
  #servers: readonly Upstream[] = [];
  #checked = Number.NEGATIVE_INFINITY;
  #modified = Number.NaN;

  constructor(
    private readonly source: readonly Upstream[] | { readonly resolvConf: string },
    /** Ours, so that no query goes round in circles. */
    private readonly isOwn: (server: Upstream) => boolean,
    readonly health: UpstreamHealth,
    private readonly now: () => number = () => performance.now(),
  ) {
    if (!('resolvConf' in source)) health.keepOnly(source);
  }

  /**
   * As they were given (`own`: a container's, in place of the daemon's), our own listeners left out; dead ones last,
   * where nobody waits for them while others live.
   */
  inOrder(own?: readonly Upstream[]): readonly Upstream[] {
    const usable = (own ?? this.all()).filter((server) => !this.isOwn(server));
    const isDead = (server: Upstream) => this.health.isDead(server);
    return [...usable.filter((server) => !isDead(server)), ...usable.filter(isDead)];
  }

  all(): readonly Upstream[] {
    if (!('resolvConf' in this.source)) return this.source;
    const now = this.now();
    if (now - this.#checked < recheckMs) return this.#servers;
    this.#checked = now;
    this.#reread(this.source.resolvConf);
    return this.#servers;
  }

  /** A file that is away (being replaced, say) leaves the last known servers. */
  #reread(file: string): void {
    try {
      const { mtimeMs } = statSync(file);
      if (mtimeMs === this.#modified) return;
      this.#servers = parseResolvConf(readFileSync(file, 'utf8'));
      this.#modified = mtimeMs;
      this.health.keepOnly(this.#servers);
    } catch {
      this.#modified = Number.NaN;
    }
  }
}
