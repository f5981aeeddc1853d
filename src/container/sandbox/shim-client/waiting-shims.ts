import type { Namespaces } from '../namespaces/namespaces.ts';

/**
 * Shims in the namespaces of containers that are to be started soon: files are mounted while the network is
 * plugged in. One that is not used holds its container's namespaces until it is dropped.
 */
export class WaitingShims {
  readonly #waiting = new Map<string, Namespaces>();

  has(id: string): boolean {
    return this.#waiting.get(id)?.alive === true;
  }

  add(id: string, shim: Namespaces): void {
    this.#waiting.set(id, shim);
  }

  /** For use, once. */
  take(id: string): Namespaces | undefined {
    const shim = this.#waiting.get(id);
    this.#waiting.delete(id);
    return shim?.alive ? shim : undefined;
  }

  /** After: it has ended. */
  async drop(id: string): Promise<void> {
    await this.take(id)?.end();
  }

  async dropAll(): Promise<void> {
    await Promise.all([...this.#waiting.keys()].map((id) => this.drop(id)));
  }
}
