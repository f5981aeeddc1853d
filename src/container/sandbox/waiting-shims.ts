import type { ChildProcess } from 'node:child_process';

/**
 * Shims started ahead: Node needs most of a start's time, and has it while the network is plugged in.
 * One that is not used holds its container's namespaces until it is dropped.
 */
export class WaitingShims {
  readonly #waiting = new Map<string, ChildProcess>();

  /** Does nothing while one waits. */
  add(id: string, start: () => ChildProcess): void {
    if (this.#living(id)) return;
    const child = start();
    // The error is told when the shim is used; unheard it would end the daemon.
    child.on('error', () => {});
    this.#waiting.set(id, child);
  }

  /** For use, once. */
  take(id: string): ChildProcess | undefined {
    const child = this.#living(id);
    this.#waiting.delete(id);
    return child;
  }

  /** After: it has ended. */
  async drop(id: string): Promise<void> {
    const child = this.take(id);
    if (!child) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.stdin?.destroy();
    child.stdout?.destroy();
    await gone;
  }

  async dropAll(): Promise<void> {
    await Promise.all([...this.#waiting.keys()].map((id) => this.drop(id)));
  }

  #living(id: string): ChildProcess | undefined {
    const child = this.#waiting.get(id);
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
      ? child
      : undefined;
  }
}
