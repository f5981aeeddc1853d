import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { addressOf, bandsOf, sorted } from '../../src/lib/cluster-map/bands.ts';
import type { Cluster, Endpoint } from '../cluster.ts';
import { Health } from './table.tsx';

interface Row {
  readonly key: string;
  readonly name: string;
  readonly kind: string;
  readonly network: string;
  readonly address: string;
  readonly owner: string;
  readonly healthy: boolean | undefined;
}

/** Every name of every network, and who answers to it. */
export function Names({ cluster }: { readonly cluster: Cluster }): JSX.Element {
  const [filter, setFilter] = useState('');
  const all = rowsOf(cluster);
  const rows = all.filter(({ name, network, address, owner }) =>
    `${name}.${network} ${address} ${owner}`.toLowerCase().includes(filter.toLowerCase()),
  );
  return (
    <>
      <div class="tools">
        <label>
          Filter
          <input
            type="search"
            value={filter}
            placeholder="name, network, address"
            onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          />
        </label>
        <p role="status">{`${rows.length} of ${all.length} names`}</p>
      </div>
      <table>
        <caption class="hidden">Names</caption>
        <thead>
          <tr>
            {['Name', 'Network', 'Is a', 'Address', 'Answered by', 'Health'].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map((row) => (
            <tr key={row.key}>
              <th scope="row">{row.name}</th>
              <td>{row.network}</td>
              <td>{row.kind}</td>
              <td class="address">{row.address || '–'}</td>
              <td>{row.owner}</td>
              <td>{row.healthy === undefined ? '–' : <Health isGood={row.healthy} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most && <p class="empty">{`The first ${most} are shown: filter for the others.`}</p>}
    </>
  );
}

/** More rows help nobody, and take the browser seconds. */
const most = 500;

function rowsOf(cluster: Cluster): readonly Row[] {
  const aliases = new Map(cluster.endpoints.map(({ id, aliases: of }) => [id, of]));
  const services = new Set(cluster.endpoints.filter(({ service }) => service).map(({ id }) => id));
  const networks = new Map(cluster.networks.map(({ id, name }) => [id, name]));
  const ofEndpoint = (endpoint: Endpoint): readonly Row[] => {
    const row = (name: string, kind: string): Row => ({
      ...{ key: `${endpoint.id} ${name}`, name, kind, network: networks.get(endpoint.network) ?? '' },
      ...{ address: addressOf(endpoint), owner: `${endpoint.containerName} on ${endpoint.nodeName}` },
      healthy: endpoint.healthy,
    });
    return [
      row(endpoint.name, services.has(endpoint.id) ? 'service' : 'container'),
      ...(aliases.get(endpoint.id) ?? []).map((alias) => row(alias, 'alias')),
    ];
  };
  const hollow = bandsOf(cluster).flatMap(({ network, services: of }) =>
    of
      .filter(({ providers }) => providers.length === 0)
      .map(({ service, address }) => ({
        ...{ key: service.id, name: service.name, kind: 'service', network: network.name, address },
        ...{ owner: 'nobody: it has no provider', healthy: undefined },
      })),
  );
  return sorted(
    [...cluster.endpoints.flatMap(ofEndpoint), ...hollow],
    ({ name, network }) => `${name}\0${network}`,
  );
}
