import { readFileSync, statSync } from 'node:fs';
import { parseResolvConf, type Upstream } from './resolv-conf.ts';

/** A server that did not answer is asked last for this long, so that one dead server costs one query its two seconds. */
const shunMs = 10_000;
/** How often the resolv.conf is looked at for changes (DHCP, VPN); only while queries are forwarded. */
const recheckMs = 5_000;

/** Which servers to ask, and in what order. */
export class Upstreams {
  readonly #shunnedUntil = new Map<string, number>();
  #servers: readonly Upstream[] = [];
  #checked = Number.NEGATIVE_INFINITY;
  #modified = Number.NaN;

  constructor(
    private readonly source: readonly Upstream[] | { readonly resolvConf: string },
    /** Ours, so that no query goes round in circles. */
    private readonly isOwn: (server: Upstream) => boolean,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Our own listeners left out, those that answer first. */
  inOrder(): readonly Upstream[] {
    const now = this.now();
    const usable = this.all().filter((server) => !this.isOwn(server));
    const shunned = (server: Upstream) => (this.#shunnedUntil.get(idOf(server)) ?? 0) > now;
    return [...usable.filter((server) => !shunned(server)), ...usable.filter(shunned)];
  }

  all(): readonly Upstream[] {
    if (!('resolvConf' in this.source)) return this.source;
    const now = this.now();
    if (now - this.#checked < recheckMs) return this.#servers;
    this.#checked = now;
    this.#reread(this.source.resolvConf);
    return this.#servers;
  }

  failed(server: Upstream): void {
    this.#shunnedUntil.set(idOf(server), this.now() + shunMs);
  }

  answered(server: Upstream): void {
    this.#shunnedUntil.delete(idOf(server));
  }

  /** A file that is away (being replaced, say) leaves the last known servers. */
  #reread(file: string): void {
    try {
      const { mtimeMs } = statSync(file);
      if (mtimeMs === this.#modified) return;
      this.#servers = parseResolvConf(readFileSync(file, 'utf8'));
      this.#modified = mtimeMs;
    } catch {
      this.#modified = Number.NaN;
    }
  }
}

function idOf({ address, port }: Upstream): string {
  return `${address} ${port}`;
}
