import type { ClusterNode } from './cluster.ts';

const everyMs = 40;

export interface Watched {
  readonly asked: number;
  /** What was answered instead, and when: milliseconds since the watch began. */
  readonly failures: readonly string[];
}

/** Asks one node for names, over and over, that must have these addresses all the time. */
export class NameWatch {
  readonly #failures: string[] = [];
  readonly #start = performance.now();
  readonly #done: Promise<void>;
  #asked = 0;
  #ended = false;

  constructor(
    private readonly node: ClusterNode,
    private readonly asker: string,
    private readonly names: Readonly<Record<string, readonly string[]>>,
  ) {
    this.#done = this.#run();
  }

  async end(): Promise<Watched> {
    this.#ended = true;
    await this.#done;
    return { asked: this.#asked, failures: this.#failures };
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      for (const [name, addresses] of Object.entries(this.names)) await this.#ask(name, addresses);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  async #ask(name: string, addresses: readonly string[]): Promise<void> {
    const seen = await this.node.ask(this.asker, name);
    this.#asked += 1;
    if (String(seen?.addresses) === String([...addresses].sort())) return;
    const after = Math.round(performance.now() - this.#start);
    await this.node.daemon.call('GET', '/_ping');
    const ping = Math.round(performance.now() - this.#start) - after;
    this.#failures.push(
      `${name} on ${this.node.name} after ${after} ms: ${JSON.stringify(seen)}; then a ping took ${ping} ms`,
    );
  }
}
