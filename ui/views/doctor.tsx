import type { JSX } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { Cluster } from '../cluster.ts';
import { read } from '../session.ts';

interface Diagnosis {
  readonly checked: number;
  readonly findings: readonly { readonly text: string; readonly network?: string }[];
}

/** What differs on this host, and what is wrong in the cluster. */
export function Doctor({ cluster }: { readonly cluster: Cluster }): JSX.Element {
  const [diagnosis, setDiagnosis] = useState<Diagnosis>();
  const [problem, setProblem] = useState('');
  const examine = useCallback(() => {
    setDiagnosis(undefined);
    setProblem('');
    read<Diagnosis>('/fairlead/doctor').then(setDiagnosis, (error: unknown) =>
      setProblem(error instanceof Error ? error.message : String(error)),
    );
  }, []);
  useEffect(examine, []);
  const wrong = troubles(cluster);
  return (
    <>
      <div class="tools">
        <h2>This host</h2>
        <button type="button" onClick={examine}>
          Examine again
        </button>
      </div>
      <div role="status">
        {problem !== '' && <p class="bad">{problem}</p>}
        {problem === '' && !diagnosis && <p class="muted">Examining…</p>}
        {diagnosis && <p>{verdict(diagnosis)}</p>}
      </div>
      {diagnosis && diagnosis.findings.length > 0 && (
        <>
          <ul class="findings">
            {diagnosis.findings.map(({ text, network }) => (
              <li key={text}>{network === undefined ? text : `${network}: ${text}`}</li>
            ))}
          </ul>
          <p>
            <code>fairlead doctor --repair</code> makes the host match its records.
          </p>
        </>
      )}
      <h2>The cluster</h2>
      {wrong.length === 0 ? (
        <p>Every node is there, every container is healthy, and every service has a provider.</p>
      ) : (
        <ul class="findings">
          {wrong.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function verdict({ checked, findings }: Diagnosis): string {
  const many = findings.length;
  return `${checked} things were looked at: ${many === 0 ? 'all as it should be' : `${many} wrong`}.`;
}

function troubles({ nodes, networks, services, endpoints }: Cluster): readonly string[] {
  const networkName = (id: string) => networks.find((network) => network.id === id)?.name ?? '';
  return [
    ...nodes
      .filter(({ state }) => state === 'lost')
      .map(({ name, lastSeen = '' }) => `Node ${name} is lost since ${new Date(lastSeen).toLocaleString()}`),
    ...endpoints
      .filter(({ healthy }) => !healthy)
      .map(
        (each) =>
          `${each.containerName} on ${each.nodeName} is unhealthy: DNS does not name it on ${networkName(each.network)}`,
      ),
    ...services
      .filter(({ providers }) => providers.length === 0)
      .map(({ name, network }) => `Service ${name} on ${networkName(network)} has no provider`),
    ...networks
      .filter((network) => network.endpoints === 'unknown')
      .map(({ name }) => `The containers on ${name} are unknown: the KV store is away`),
  ];
}
