import { useEffect, useState } from 'preact/hooks';
import { after, type Cluster, nothing, type Told } from './cluster.ts';
import { CallFailed, call } from './session.ts';

export interface Live {
  readonly cluster: Cluster;
  /** Newest first. */
  readonly told: readonly Told[];
  readonly state: 'connecting' | 'live' | 'away' | 'refused';
  /** Why it is not live. */
  readonly reason: string;
}

const againMs = 1000;
/** How many changes the page remembers: a tab that is open for days stays as large as it is. */
const remembered = 500;

/** The cluster as it is now, kept by the stream of changes; begun again, where it was, whenever it breaks off. */
export function useWatch(isOpen: boolean): Live {
  const [live, setLive] = useState<Live>({ cluster: nothing, told: [], state: 'connecting', reason: '' });
  useEffect(() => {
    if (!isOpen) return;
    const leaving = new AbortController();
    void follow(setLive, leaving.signal);
    return () => leaving.abort();
  }, [isOpen]);
  return live;
}

type Set = (change: (live: Live) => Live) => void;

async function follow(set: Set, signal: AbortSignal): Promise<void> {
  const position = { id: '' };
  while (!signal.aborted) {
    try {
      const { body } = await call(`/fairlead/watch?after=${encodeURIComponent(position.id)}`, signal);
      set((live) => ({ ...live, state: 'live', reason: '' }));
      if (body) await take(body, set, position);
      set((live) => ({ ...live, state: 'away', reason: 'the connection broke off' }));
    } catch (error) {
      if (signal.aborted) return;
      const refused = error instanceof CallFailed && error.status === 401;
      const reason = error instanceof Error ? error.message : String(error);
      set((live) => ({ ...live, state: refused ? 'refused' : 'away', reason }));
      if (refused) return;
    }
    await new Promise((resolve) => setTimeout(resolve, againMs));
  }
}

interface Message {
  readonly id: string;
  readonly kind: string;
  readonly data: unknown;
}

/** All messages of a chunk are one change of the page. */
async function take(body: ReadableStream<Uint8Array>, set: Set, position: { id: string }): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let waiting = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (waiting + decoder.decode(value, { stream: true })).split('\n\n');
    waiting = parts.pop() ?? '';
    const messages = parts.map(parse);
    set((live) => messages.reduce(step, live));
    position.id = messages.at(-1)?.id ?? position.id;
  }
}

function parse(text: string): Message {
  const fields = Object.fromEntries(
    text.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  return { id: fields.id ?? '', kind: fields.event ?? '', data: JSON.parse(fields.data ?? '{}') };
}

function step(live: Live, { id, kind, data }: Message): Live {
  const [cluster, told] = after(live.cluster, kind, data, id);
  return { ...live, cluster, told: told ? [told, ...live.told].slice(0, remembered) : live.told };
}
