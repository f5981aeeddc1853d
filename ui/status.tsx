import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { read } from './session.ts';
import type { Live } from './watch.ts';

interface Store {
  readonly name: string;
  readonly reachable: boolean;
  readonly since: number;
  readonly reason?: string;
  readonly degraded?: string;
}

interface Info {
  readonly Fairlead: { readonly nodeName: string; readonly mode: string; readonly stores: readonly Store[] };
}

const everyMs = 3000;

/** Whose page it is, whether it is live, and how the stores are. */
export function Status({ live, isOpen }: { readonly live: Live; readonly isOpen: boolean }): JSX.Element {
  const info = useInfo(isOpen);
  const state = { connecting: 'connecting', live: 'live', away: 'not live', refused: 'refused' }[live.state];
  return (
    <p class="status" role="status">
      {info && <span class="muted">{`${info.Fairlead.nodeName}, ${info.Fairlead.mode}`}</span>}
      {info?.Fairlead.stores.map((store) => (
        <span key={store.name} class={`pill ${isWell(store) ? 'good' : 'bad'}`} title={storeText(store)}>
          {storeText(store)}
        </span>
      ))}
      <span class={`pill ${live.state === 'live' ? 'good' : 'bad'}`} title={live.reason}>
        {state}
      </span>
    </p>
  );
}

function useInfo(isOpen: boolean): Info | undefined {
  const [info, setInfo] = useState<Info>();
  useEffect(() => {
    if (!isOpen) return;
    // What cannot be read now is said by the stream's state.
    const look = () => void read<Info>('/info').then(setInfo, () => {});
    look();
    const timer = setInterval(look, everyMs);
    return () => clearInterval(timer);
  }, [isOpen]);
  return info;
}

function isWell({ reachable, degraded }: Store): boolean {
  return reachable && degraded === undefined;
}

function storeText(store: Store): string {
  if (isWell(store)) return `store ${store.name}`;
  if (store.reachable) return `store ${store.name} degraded: ${store.degraded}`;
  return `store ${store.name} away since ${new Date(store.since).toLocaleTimeString()}`;
}
