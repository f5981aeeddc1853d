type ExitListener = (id: string, exitCode: number) => void;

/** Tells listeners of ended containers. Ends that nobody listened to yet wait for the first listener. */
export class Exits {
  readonly #listeners: ExitListener[] = [];
  readonly #untold: { readonly id: string; readonly exitCode: number }[] = [];

  listen(listener: ExitListener): void {
    this.#listeners.push(listener);
    for (const { id, exitCode } of this.#untold.splice(0)) listener(id, exitCode);
  }

  tell(id: string, exitCode: number): void {
    if (this.#listeners.length === 0) this.#untold.push({ id, exitCode });
    for (const listener of this.#listeners) listener(id, exitCode);
  }
}

/** Who waits for the end, or the removal, of which container. */
export class ExitWaiters {
  readonly #waiting = new Map<string, Set<(exitCode: number) => void>>();

  wait(id: string): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting.set(id, (this.#waiting.get(id) ?? new Set()).add(resolve));
    });
  }

  tell(id: string, exitCode: number): void {
    const told = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const resolve of told) resolve(exitCode);
  }
}
