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
