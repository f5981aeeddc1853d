/** The Docker Engine that the daemon works beside, as far as the API needs it. */
export interface Upstream {
  readonly socketPath: string;
  /** The newest API that it speaks, `1.41`; undefined until it has been reached. */
  readonly apiVersion: () => string | undefined;
  /** What it calls our driver: networks of this driver are ours, and we report their events. */
  readonly driver: string;
  /**
   * Resolves when the container, should the Engine have it, is known to the model: what a client has just made
   * there is not waited for by anything else.
   * @throws unavailable
   */
  readonly know: (containerRef: string) => Promise<void>;
}
