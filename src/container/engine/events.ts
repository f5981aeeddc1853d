import * as z from 'zod';
import { parseJson } from '../../lib/json.ts';
import type { EngineConnection } from './connection.ts';
import { LineSplitter } from './line-splitter.ts';

const message = z.object({
  Type: z.string(),
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }),
  timeNano: z.number(),
});

export interface EngineEvent {
  readonly type: 'container' | 'network';
  readonly action: string;
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** How many events are remembered, to know those that come twice after a reconnect. */
const remembered = 512;

/**
 * The Engine's event stream, taken up again where it broke off. What comes twice is told once; what is no JSON or
 * is nothing that we follow is passed over.
 */
export class EngineEvents {
  readonly #seen = new Set<string>();
  /** Of the newest event, in nanoseconds; as a float it is some 100 ns rough, and what it repeats is known. */
  #newest: number | undefined;

  constructor(private readonly connection: EngineConnection) {}

  /** Resolves when the stream is open, with what reads it; that rejects or ends when the stream does. */
  async open(signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    const since = this.#newest === undefined ? {} : { since: Math.floor(this.#newest / 1e9) };
    const filters = JSON.stringify({ type: ['container', 'network'] });
    const stream = await this.connection.stream((docker) => docker.getEvents({ ...since, filters }));
    signal.addEventListener('abort', () => destroy(stream), { once: true });
    return this.#read(stream);
  }

  async *#read(stream: NodeJS.ReadableStream): AsyncGenerator<EngineEvent> {
    const lines = new LineSplitter();
    for await (const chunk of stream) {
      for (const line of lines.push(Buffer.from(chunk))) {
        const event = this.#parse(line);
        if (event) yield event;
      }
    }
  }

  #parse(line: string): EngineEvent | undefined {
    const parsed = message.safeParse(parseJson(line));
    if (!parsed.success) return undefined;
    const { Type, Action, Actor, timeNano } = parsed.data;
    if (Type !== 'container' && Type !== 'network') return undefined;
    const attributes = Actor.Attributes ?? {};
    const key = [timeNano, Type, Action, Actor.ID, attributes.container].join(' ');
    if (this.#seen.has(key)) return undefined;
    this.#remember(key);
    this.#newest = Math.max(this.#newest ?? 0, timeNano);
    return { type: Type, action: Action, id: Actor.ID, attributes };
  }

  #remember(key: string): void {
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > remembered && oldest !== undefined) this.#seen.delete(oldest);
  }
}

function destroy(stream: object): void {
  if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
}
