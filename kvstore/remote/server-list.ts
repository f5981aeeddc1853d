/** The servers of one store: the one that answered last is asked first. */
export class ServerList<Server> {
  readonly #servers: Server[];

  constructor(servers: readonly Server[]) {
    this.#servers = [...servers];
  }

  get all(): readonly Server[] {
    return this.#servers;
  }

  /**
   * Asks one server after another, each at most once. One that failed is asked last from then on.
   * @throws what the last one asked has thrown. `passOver` hears each error, and says whether another may be asked
   */
  async ask<T>(call: (server: Server) => Promise<T>, passOver: (error: unknown) => boolean): Promise<T> {
    for (let left = this.#servers.length; ; left--) {
      const [server] = this.#servers;
      if (!server) throw new Error('no server');
      try {
        return await call(server);
      } catch (error) {
        // Another call may have moved it already.
        if (this.#servers[0] === server) this.#servers.push(...this.#servers.splice(0, 1));
        const goesOn = passOver(error);
        if (left === 1 || !goesOn) throw error;
      }
    }
  }
}
