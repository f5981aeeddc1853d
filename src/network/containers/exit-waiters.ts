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
