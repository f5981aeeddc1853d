/** Network stacks of containers. Begin here: the other roles act on what `ensureSandbox` made. */
export interface Sandboxes {
  /**
   * A network stack with only `lo` up. After: `sandboxPath(id)` can be entered. Where there is none yet, the network
   * namespace of the process `pid`, which has a new one of its own, becomes it; without a process a new one does.
   */
  ensureSandbox(sandboxId: string, pid?: number): Promise<void>;
  /** After: the namespace and every interface in it are gone. Processes in it must have ended. */
  removeSandbox(sandboxId: string): Promise<void>;
  /** Where the namespace is: `/run/netns/…`, or for `hostSandbox` `/proc/…/ns/net`, the namespace of this process. */
  sandboxPath(sandboxId: string): string;
}

/** The sandbox id that stands for the host's own network stack. */
export const hostSandbox = 'host';
