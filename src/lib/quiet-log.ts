/** How long a line that repeats is not said again, in milliseconds. */
const quietMs = 60_000;
/** Different lines that are remembered; the oldest is forgotten first. */
const maxRemembered = 100;

interface Said {
  at: number;
  since: number;
}

/** Says a line that repeats once a minute, so that whoever causes it again and again cannot fill a disk with it. */
export class QuietLog {
  readonly #said = new Map<string, Said>();

  constructor(private readonly write: (line: string) => void) {}

  /** Lines with the same `subject` are the same line, whatever else differs. */
  say(line: string, subject = line): void {
    const now = performance.now();
    const said = this.#said.get(subject);
    if (said && now - said.at < quietMs) {
      said.since += 1;
      return;
    }
    const again = said && said.since > 0 ? ` (and ${said.since} times more since it was last said)` : '';
    this.write(`${line}${again}`);
    this.#said.delete(subject);
    this.#said.set(subject, { at: now, since: 0 });
    for (const oldest of this.#said.keys()) if (this.#said.size > maxRemembered) this.#said.delete(oldest);
  }
}
