import type { Attachment } from './attachment.ts';

/** Clients that attached to a container before its start, as `docker run` and `start -a` do. */
export class WaitingClients {
  readonly #waiting = new Map<string, Attachment[]>();

  add(id: string, attachment: Attachment): void {
    this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), attachment]);
  }

  take(id: string): readonly Attachment[] {
    const attachments = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    return attachments;
  }

  /** There is nothing to wait for any more. */
  end(id: string): void {
    for (const attachment of this.take(id)) attachment.end();
  }
}
