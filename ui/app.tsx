import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { openSession } from './session.ts';
import { Status } from './status.tsx';
import { Ask, type Picked } from './views/ask.tsx';
import { Doctor } from './views/doctor.tsx';
import { MapView } from './views/map.tsx';
import { Names } from './views/names.tsx';
import { Timeline } from './views/timeline.tsx';
import { useWatch } from './watch.ts';

const views = ['Map', 'Ask', 'Names', 'Doctor', 'Timeline'] as const;
type View = (typeof views)[number];

export function App(): JSX.Element {
  const [problem, setProblem] = useState('');
  const [isOpen, setOpen] = useState(false);
  const [view, setView] = useState<View>('Map');
  const [picked, setPicked] = useState<Picked>({ from: '', name: '' });
  const live = useWatch(isOpen);
  useEffect(() => {
    openSession().then(
      () => setOpen(true),
      (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
    );
  }, []);
  useKeys(setView);
  const refused = problem || (live.state === 'refused' ? live.reason : '');
  if (refused) return <Refused reason={refused} />;
  const { cluster, told } = live;
  return (
    <>
      <header class="bar">
        <h1>Fairlead</h1>
        <nav aria-label="Views">
          {views.map((each, at) => (
            <button
              key={each}
              type="button"
              aria-current={each === view ? 'page' : undefined}
              aria-keyshortcuts={String(at + 1)}
              data-key={at + 1}
              onClick={() => setView(each)}
            >
              {each}
            </button>
          ))}
        </nav>
        <Status live={live} isOpen={isOpen} />
      </header>
      <main>
        {view === 'Map' && <MapView cluster={cluster} picked={picked} pick={setPicked} />}
        {view === 'Ask' && <Ask cluster={cluster} picked={picked} pick={setPicked} />}
        {view === 'Names' && <Names cluster={cluster} />}
        {view === 'Doctor' && <Doctor cluster={cluster} />}
        {view === 'Timeline' && <Timeline told={told} />}
      </main>
    </>
  );
}

/** The digits choose a view, but while somebody types. */
function useKeys(setView: (view: View) => void): void {
  useEffect(() => {
    const onKey = ({ key, target, ctrlKey, altKey, metaKey }: KeyboardEvent) => {
      if (ctrlKey || altKey || metaKey) return;
      if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
      const view = views[Number(key) - 1];
      if (view) setView(view);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [setView]);
}

function Refused({ reason }: { readonly reason: string }): JSX.Element {
  return (
    <main class="refused">
      <h1>This page has no session</h1>
      <p>
        Run <code>fairlead ui</code> in a terminal: it prints a URL that is good once, and opens it.
      </p>
      <p class="muted">{reason}</p>
    </main>
  );
}
