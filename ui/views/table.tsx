import type { JSX } from 'preact';
import { bandsOf, isBare } from '../../src/lib/cluster-map/bands.ts';
import type { Cluster } from '../cluster.ts';

/** The map for who does not see it: a row for each container on a network. */
export function MapTable({ cluster }: { readonly cluster: Cluster }): JSX.Element {
  const bands = bandsOf(cluster).filter((band) => !isBare(band));
  return (
    <>
      <table>
        <caption>Containers by network</caption>
        <thead>
          <tr>
            {['Network', 'Container', 'Node', 'Address', 'Services', 'Health'].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {bands.flatMap(({ network, places }) =>
            places.map((place) => (
              <tr key={`${network.id} ${place.container}`}>
                <th scope="row">{network.name}</th>
                <td>{place.name}</td>
                <td>{place.nodeName}</td>
                <td>{place.address || '–'}</td>
                <td>{place.services.map(({ name, address }) => `${name} ${address}`).join(', ') || '–'}</td>
                <td>
                  <Health isGood={place.healthy} />
                </td>
              </tr>
            )),
          )}
        </tbody>
      </table>
      <table>
        <caption>Nodes</caption>
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">Address</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {cluster.nodes.map((node) => (
            <tr key={node.id}>
              <th scope="row">{node.name}</th>
              <td>{node.advertise ?? '–'}</td>
              <td>{node.self ? `${node.state}, this node` : node.state}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

export function Health({ isGood }: { readonly isGood: boolean }): JSX.Element {
  return <span class={isGood ? 'good' : 'bad'}>{isGood ? 'healthy' : 'unhealthy'}</span>;
}
