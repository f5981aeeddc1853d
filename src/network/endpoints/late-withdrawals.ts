import type { Endpoint, Network } from '../../cluster/records.ts';
import type { Clock, Timer } from '../../lib/clock.ts';

const retryMs = 1000;

/**
 * Endpoints whose containers left while the store was away, and those that it may have made without saying so. Their
 * lease may outlive the outage, and the network may be followed no longer, so that no reconcile would find them: they
 * are remembered and deleted as soon as it can be done. A daemon that ends meanwhile looks for them when it is back
 * (Reconciler.sweepAll), or its lease has ended, and they with it.
 */
export class LateWithdrawals {
  readonly #owed = new Map<string, { readonly network: Network; readonly endpoint: Endpoint }>();
  #timer: Timer | undefined;

  /** `withdraw` deletes the record if it is still this endpoint's. @throws when the store is away */
  constructor(
    private readonly clock: Clock,
    private readonly withdraw: (network: Network, endpoint: Endpoint) => Promise<void>,
  ) {}

  add(network: Network, endpoint: Endpoint): void {
    this.#owed.set(endpoint.id, { network, endpoint });
    this.#timer ??= this.clock.every(retryMs, () => this.#retry());
  }

  /** It is there again, and rightly so. */
  forget(endpointId: string): void {
    this.#owed.delete(endpointId);
  }

  close(): void {
    this.#timer?.cancel();
    this.#owed.clear();
  }

  async #retry(): Promise<void> {
    for (const [id, { network, endpoint }] of [...this.#owed]) {
      try {
        await this.withdraw(network, endpoint);
        this.#owed.delete(id);
      } catch {
        return;
      }
    }
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
