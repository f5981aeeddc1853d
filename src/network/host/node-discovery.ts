import type { KnownNode } from '../../../drivers/driver.ts';
import type { Timer } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { SerialQueue } from '../../lib/serial-queue.ts';
import type { NetworkContext } from '../context.ts';

/** How often a plugin that could not be told, or that was restarted, is told again, in milliseconds. */
const againMs = 60_000;

/** Tells the plugins that have networks of many hosts which nodes there are, as they come and go. */
export class NodeDiscovery {
  readonly #unsubscribe: () => void;
  readonly #timer: Timer;
  /** What was wrong at the last try, by driver: it is said once. */
  readonly #said = new Map<string, string>();
  #last = '';
  readonly #queue = new SerialQueue();

  constructor(private readonly parts: NetworkContext) {
    this.#unsubscribe = parts.directory.subscribe(() => this.#changed());
    this.#timer = parts.clock.every(againMs, () => this.#tellAll());
    this.#changed();
  }

  close(): void {
    this.#unsubscribe();
    this.#timer.cancel();
  }

  /** Most changes are of endpoints, and say nothing of nodes. */
  #changed(): void {
    const drivers = this.#drivers();
    const now = drivers.length === 0 ? '' : JSON.stringify([drivers, this.#nodes()]);
    if (now === this.#last) return;
    this.#last = now;
    void this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    for (const name of this.#drivers()) {
      await this.#queue.run(name, async () => {
        try {
          await this.parts.driverNamed(name).setNodes?.(this.#nodes());
          this.#said.delete(name);
        } catch (error) {
          const message = messageOf(error);
          if (this.#said.get(name) !== message) this.parts.log.warn(`tell ${name} of the nodes: ${message}`);
          this.#said.set(name, message);
        }
      });
    }
  }

  #drivers(): readonly string[] {
    const { directory, driverNamed } = this.parts;
    const global = directory.networks().filter(({ scope }) => scope === 'global');
    return [...new Set(global.map(({ driver }) => driver))]
      .filter((name) => driverNamed(name).setNodes)
      .sort();
  }

  #nodes(): readonly KnownNode[] {
    const { directory, nodeLease } = this.parts;
    const known = directory
      .nodes()
      .flatMap(({ id, advertise }) =>
        advertise === undefined ? [] : [{ address: advertise, self: id === nodeLease.self.id }],
      );
    return known.sort((a, b) => (a.address < b.address ? -1 : 1));
  }
}
