import { isKind, messageOf } from '../../src/lib/errors.ts';
import type { Logger } from '../../src/lib/log.ts';
import type { KnownNode } from '../driver.ts';
import { empty } from './network-wire.ts';
import type { Plugin } from './plugin.ts';

/** Of a node; the protocol has no other (docker-facts 4.2). */
const nodeDiscovery = 1;

/** Which nodes a plugin has been told of, in its life that it is in. */
export class RemoteNodes {
  #life: string | undefined;
  #told = new Map<string, KnownNode>();

  constructor(
    private readonly plugin: Plugin,
    private readonly log: Logger,
  ) {}

  /** Those that have gone first. @throws unavailable */
  async set(nodes: readonly KnownNode[]): Promise<void> {
    const life = await this.plugin.life();
    if (life !== this.#life) this.#told = new Map();
    this.#life = life;
    const wanted = new Map(nodes.map((node) => [node.address, node]));
    for (const node of [...this.#told.values()]) {
      if (wanted.get(node.address)?.self === node.self) continue;
      await this.#tell('DiscoverDelete', node);
      this.#told.delete(node.address);
    }
    for (const node of wanted.values()) {
      if (this.#told.has(node.address)) continue;
      await this.#tell('DiscoverNew', node);
      this.#told.set(node.address, node);
    }
    // The first call may have been what found the plugin.
    this.#life = await this.plugin.life();
  }

  /** A plugin that has no use for it says so, and that is no error. */
  async #tell(method: string, { address, self }: KnownNode): Promise<void> {
    const request = { DiscoveryType: nodeDiscovery, DiscoveryData: { Address: address, self } };
    try {
      await this.plugin.call('NetworkDriver', method, request, empty, { patient: false });
    } catch (error) {
      if (isKind(error, 'unavailable')) throw error;
      if (!isKind(error, 'unsupported')) {
        this.log.warn(
          { err: error },
          `plugin ${this.plugin.name}: ${method} of ${address}: ${messageOf(error)}`,
        );
      }
    }
  }
}
