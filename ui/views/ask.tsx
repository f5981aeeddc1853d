import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { sorted } from '../../src/lib/cluster-map/bands.ts';
import type { Cluster } from '../cluster.ts';
import { read } from '../session.ts';

/** A question: the asker's container id, and the name that it asks for. Empty: not picked yet. */
export interface Picked {
  readonly from: string;
  readonly name: string;
}

interface Report {
  readonly container: string;
  readonly verdict: string;
  readonly rcode: string;
  readonly reason?: string;
  readonly answers: readonly {
    readonly address: string;
    readonly network: string;
    readonly owner: string;
    readonly container: string;
    readonly node: string;
    readonly reachable: boolean;
    readonly path: readonly string[];
    readonly reason?: string;
  }[];
}

interface Props {
  readonly cluster: Cluster;
  readonly picked: Picked;
  readonly pick: (picked: Picked) => void;
}

/** Which container, and which name. */
export function Ask({ cluster, picked, pick }: Props): JSX.Element {
  const [name, setName] = useState(picked.name);
  const own = cluster.nodes.find(({ self }) => self);
  const askers = new Map(
    cluster.endpoints
      .filter(({ node }) => node === own?.id)
      .map(({ container, containerName }) => [container, containerName]),
  );
  const names = new Set(cluster.endpoints.map((endpoint) => endpoint.name));
  return (
    <>
      <form
        class="question"
        onSubmit={(event) => {
          event.preventDefault();
          pick({ ...picked, name: name.trim() });
        }}
      >
        <label>
          Container
          <select
            value={picked.from}
            onChange={({ currentTarget }) => pick({ from: currentTarget.value, name: '' })}
          >
            <option value="">Pick one of {own?.name ?? 'this node'}</option>
            {sorted([...askers], ([, each]) => each).map(([id, each]) => (
              <option key={id} value={id}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <label>
          asks for the name
          <input
            type="text"
            list="names"
            value={name}
            placeholder="db, db.backend, example.com"
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <datalist id="names">
          {[...names].sort().map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <button type="submit" class="primary" disabled={picked.from === '' || name.trim() === ''}>
          Ask
        </button>
      </form>
      <Answer cluster={cluster} picked={picked} />
    </>
  );
}

type State = { readonly report: Report } | { readonly problem: string } | undefined;

/** What comes of the question, once it is complete. */
export function Answer({ cluster, picked: { from, name } }: Omit<Props, 'pick'>): JSX.Element | null {
  const [state, setState] = useState<State>();
  const asker = cluster.endpoints.find(({ container }) => container === from);
  const own = cluster.nodes.find(({ self }) => self);
  const elsewhere = asker !== undefined && own !== undefined && asker.node !== own.id;
  useEffect(() => {
    setState(undefined);
    if (from === '' || name === '' || elsewhere) return;
    const question = new URLSearchParams({ container: from, name });
    let isLate = false;
    read<Report>(`/fairlead/probe?${question}`).then(
      (report) => isLate || setState({ report }),
      (error: unknown) =>
        isLate || setState({ problem: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      isLate = true;
    };
  }, [from, name, elsewhere]);
  if (from === '' || name === '') return null;
  if (elsewhere)
    return (
      <div class="answer" role="status">
        <p class="sentence">
          {`${asker.containerName} runs on ${asker.nodeName}: only that node can try the way. Run fairlead ui there, or ask the other way round.`}
        </p>
      </div>
    );
  return (
    <div class="answer" role="status">
      {state === undefined && <p class="muted">Asking…</p>}
      {state !== undefined && 'problem' in state && <p class="sentence bad">{state.problem}</p>}
      {state !== undefined && 'report' in state && (
        <Told report={state.report} name={name} advice={adviceFor(cluster, from, name)} />
      )}
    </div>
  );
}

interface ToldProps {
  readonly report: Report;
  readonly name: string;
  readonly advice: string;
}

function Told({ report, name, advice }: ToldProps): JSX.Element {
  const good = report.answers.some(({ reachable }) => reachable) || isAnsweredUpstream(report);
  return (
    <>
      <p class={`sentence ${good ? 'good' : 'bad'}`}>{sentence(report, name)}</p>
      {report.answers.map((one) => (
        <div key={one.address}>
          <p class="muted">{`${one.address} on ${one.network}: ${one.owner}, container ${one.container} on ${one.node}`}</p>
          <ol class="hops">
            {one.path.map((hop, at) => (
              <li key={hop} class={!one.reachable && at === one.path.length - 1 ? 'bad' : ''}>
                {hop}
              </li>
            ))}
            {!one.reachable && <li class="stop">{one.reason ?? 'no path'}</li>}
          </ol>
        </div>
      ))}
      {!good && advice !== '' && (
        <p>
          They share no network. <code>{advice}</code> puts it on that one.
        </p>
      )}
    </>
  );
}

function isAnsweredUpstream({ verdict, rcode }: Report): boolean {
  return verdict === 'forwarded' && rcode === 'NOERROR';
}

function sentence(report: Report, name: string): string {
  const { container, reason, answers } = report;
  const reached = answers.find(({ reachable }) => reachable);
  if (reached) return `${container} reaches ${name} at ${reached.address}.`;
  if (answers.length > 0) return `${container} resolves ${name}, and does not reach it.`;
  const why = reason ? `: ${reason}` : '';
  if (isAnsweredUpstream(report)) return `${name} is answered upstream${why}.`;
  return `${container} gets no address for ${name}${why}.`;
}

/** What would let the container have the name; empty: nothing that this page knows of. */
function adviceFor({ endpoints, networks }: Cluster, from: string, name: string): string {
  const networkName = (id: string) => networks.find((network) => network.id === id)?.name ?? '';
  const named = endpoints.filter(
    (each) => each.name === name || `${each.name}.${networkName(each.network)}` === name,
  );
  const own = endpoints.filter(({ container }) => container === from);
  const isShared = named.some(({ network }) => own.some((each) => each.network === network));
  const [target] = named;
  const [asker] = own;
  if (!target || !asker || isShared) return '';
  return `fairlead network connect ${networkName(target.network)} ${asker.containerName}`;
}
