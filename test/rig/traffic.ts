import type { ClusterNode } from './cluster.ts';

export interface Refusal {
  /** Milliseconds until the answer. */
  readonly took: number;
  readonly status: number;
  readonly text: string;
}

export interface TrafficReport {
  /** Operations on local networks, and those of them that failed. */
  readonly local: number;
  readonly localFailures: readonly string[];
  /** Creations of global networks: how many succeeded, and what the others were told. */
  readonly made: readonly string[];
  /** Of those whose answer came too late: they may have been made. */
  readonly unsure: readonly string[];
  readonly refusals: readonly Refusal[];
}

const pauseMs = 100;

/** Commands that go on while the store comes and goes: local ones must succeed, global ones at least be quick. */
export class Traffic {
  readonly #localFailures: string[] = [];
  readonly #made: string[] = [];
  readonly #unsure: string[] = [];
  readonly #refusals: Refusal[] = [];
  readonly #done: Promise<unknown>;
  #local = 0;
  #ended = false;

  constructor(private readonly node: ClusterNode) {
    this.#done = Promise.all([this.#runLocal(), this.#runGlobal()]);
  }

  async end(): Promise<TrafficReport> {
    this.#ended = true;
    await this.#done;
    return {
      local: this.#local,
      localFailures: this.#localFailures,
      made: this.#made,
      unsure: this.#unsure,
      refusals: this.#refusals,
    };
  }

  /** A network of this host, a service on it, a container that backs it, and all of it away again. */
  async #runLocal(): Promise<void> {
    for (let i = 0; !this.#ended; i += 1) {
      const [network, container] = [`local${i}`, `job${i}`];
      try {
        await this.node.createNetwork(network, 'bridge');
        const service = await this.node.publish('svc', network);
        await this.node.runOn('bridge', container);
        await this.node.must('POST', `/v1.23/services/${service}/backend`, { container_id: container });
        await this.node.must('DELETE', `/containers/${container}?force=1`);
        await this.node.must('DELETE', `/v1.23/services/${service}`);
        await this.node.must('DELETE', `/networks/${network}`);
      } catch (error) {
        this.#localFailures.push(String(error));
      }
      this.#local += 7;
      await pause();
    }
  }

  async #runGlobal(): Promise<void> {
    for (let i = 0; !this.#ended; i += 1) {
      const name = `${this.node.name}-made${i}`;
      const start = performance.now();
      const { status, text } = await this.node.daemon.call('POST', '/networks/create', {
        Name: name,
        Driver: 'overlay',
      });
      if (status === 201) this.#made.push(name);
      else this.#refusals.push({ took: performance.now() - start, status, text });
      if (text.includes('may have been made')) this.#unsure.push(name);
      await pause();
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}
