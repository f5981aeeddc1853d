export interface Probe {
  /** What does the container get when it asks for the name, and can it reach what it gets? */
  probe(containerRef: string, name: string): Promise<ProbeReport>;
}

export interface ProbeReport {
  readonly container: string;
  readonly name: string;
  /** `answered`, `no-such-name`, `no-address`, `forwarded`. */
  readonly verdict: 'answered' | 'no-such-name' | 'no-address' | 'forwarded';
  /** The RCODE as text: `NOERROR`, `NXDOMAIN`. */
  readonly rcode: string;
  /** Who answers: one line per address. */
  readonly answers: readonly ProbeAnswer[];
  /** In one line: why there is no answer. */
  readonly reason?: string;
}

export interface ProbeAnswer {
  readonly address: string;
  readonly network: string;
  /** `service my-service` or `container c1`. */
  readonly owner: string;
  readonly container: string;
  readonly node: string;
  readonly reachable: boolean;
  readonly path: readonly string[];
  readonly reason?: string;
}
