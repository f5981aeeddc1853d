/** Of networks on one sub-interface the last one takes it away; each says which it is on when it is set up. */
export class ParentUsers {
  readonly #networks = new Map<string, Set<string>>();

  add(parent: string, network: string): void {
    this.#networks.set(parent, (this.#networks.get(parent) ?? new Set()).add(network));
  }

  /** @returns whether nobody else uses it */
  remove(parent: string, network: string): boolean {
    const networks = this.#networks.get(parent);
    networks?.delete(network);
    if (networks && networks.size > 0) return false;
    this.#networks.delete(parent);
    return true;
  }
}
