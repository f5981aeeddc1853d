import http, { type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import * as z from 'zod';
import { parseJson } from '../../lib/json.ts';
import { engineAgent } from './agent.ts';

const event = z.object({
  Type: z.string().optional(),
  Action: z.string().optional(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }).optional(),
  timeNano: z.number(),
});
export type EngineEvent = z.infer<typeof event>;

/** One event, and the line that it came as. */
export interface EngineLine {
  readonly event: EngineEvent;
  readonly line: string;
}

/** Between tries to reach an Engine that went away, in milliseconds. */
const pauseMs = 1000;
/** So many are remembered, to know those that come twice after a pause. */
const remembered = 512;

/**
 * The Engine's events from `since` on, as they come, over its restarts too: then from the last one on, each once.
 * `until` ends it. Times as the Engine takes them; `path` is `/vN.NN/events`.
 */
export function engineEvents(
  socketPath: string,
  path: string,
  query: URLSearchParams,
): AsyncIterator<EngineLine> {
  const ended = new AbortController();
  const lines = follow(socketPath, path, new URLSearchParams(query), ended.signal);
  return {
    next: () => lines.next(),
    // A generator that waits would hear of its end only at the next event.
    return() {
      ended.abort();
      return lines.return(undefined);
    },
  };
}

async function* follow(
  socketPath: string,
  path: string,
  query: URLSearchParams,
  signal: AbortSignal,
): AsyncGenerator<EngineLine, undefined> {
  const seen = new Set<string>();
  while (!signal.aborted) {
    try {
      const answer = await open(socketPath, `${path}?${query}`, signal);
      for await (const line of createInterface({ input: answer })) {
        const parsed = event.safeParse(parseJson(line));
        if (!parsed.success || seen.has(line)) continue;
        seen.add(line);
        const [oldest] = seen;
        if (seen.size > remembered && oldest !== undefined) seen.delete(oldest);
        query.set('since', String(Math.floor(parsed.data.timeNano / 1e9)));
        yield { event: parsed.data, line };
      }
    } catch {
      // The Engine is unreachable: it replays these events once it is back.
    }
    if (query.has('until')) return;
    await setTimeout(pauseMs, undefined, { signal }).catch(() => {});
  }
}

function open(socketPath: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { Host: 'docker' };
    const call = http.request({ socketPath, path, headers, agent: engineAgent, signal }, (answer) => {
      if (answer.statusCode === 200) resolve(answer);
      else reject(new Error(`the Engine answered ${path} with ${answer.statusCode}`));
    });
    call.once('error', reject);
    call.end();
  });
}
