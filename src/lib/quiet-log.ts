/** How long a repeated line is held back, in milliseconds. */
const quietMs = 60_000;
/** How many different lines are remembered; the oldest is forgotten first. */
const maxRemembered = 100;

interface Logged {
  at: number;
  since: number;
}

export interface QuietLine {
  /** Lines with the same subject count as the same line; default: the line itself. */
  readonly subject?: string;
  /** The error behind the line: its stack goes into the log. */
  readonly err?: unknown;
}

/** Logs a repeated line once a minute, so that a client that causes it over and over cannot fill the disk. */
export class QuietLog {
  readonly #logged = new Map<string, Logged>();

  constructor(private readonly write: (line: string, err?: unknown) => void) {}

  log(line: string, { subject = line, err }: QuietLine = {}): void {
    const now = performance.now();
    const logged = this.#logged.get(subject);
    if (logged && now - logged.at < quietMs) {
      logged.since += 1;
      return;
    }
    const again =
      logged && logged.since > 0 ? ` (repeated ${logged.since} times since it was last logged)` : '';
    this.write(`${line}${again}`, err);
    this.#logged.delete(subject);
    this.#logged.set(subject, { at: now, since: 0 });
    for (const oldest of this.#logged.keys()) {
      if (this.#logged.size > maxRemembered) this.#logged.delete(oldest);
    }
  }
}
