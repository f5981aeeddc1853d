import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Place, ShownNode } from '../../src/lib/cluster-map/bands.ts';
import { type Box, layOut, type MapBand, sizes } from '../../src/lib/cluster-map/layout.ts';
import type { Cluster } from '../cluster.ts';
import { Answer, type Picked } from './ask.tsx';
import { MapTable } from './table.tsx';

interface Props {
  readonly cluster: Cluster;
  readonly picked: Picked;
  readonly pick: (picked: Picked) => void;
}

/** Nodes as columns, networks as bands, containers where they cross. Two picks are a question. */
export function MapView({ cluster, picked, pick }: Props): JSX.Element {
  const [asTable, setAsTable] = useState(false);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const map = useMemo(() => layOut(cluster, { open }), [cluster, open]);
  const choose = (place: Place, name: string) =>
    pick(
      picked.from === '' || picked.name !== '' ? { from: place.container, name: '' } : { ...picked, name },
    );
  return (
    <>
      <div class="tools">
        <p>{hint(picked, cluster)}</p>
        {picked.from !== '' && (
          <button type="button" onClick={() => pick({ from: '', name: '' })}>
            Start over
          </button>
        )}
        <button type="button" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          As a table
        </button>
      </div>
      <Answer cluster={cluster} picked={picked} />
      {asTable ? (
        <MapTable cluster={cluster} />
      ) : map.bands.length === 0 ? (
        <p class="empty">No networks yet: create one with fairlead network create.</p>
      ) : (
        <section class="map" aria-label="Map of the cluster">
          <div class="plane" style={{ width: `${map.width}px`, height: `${map.height}px` }}>
            {map.columns.map((column) => (
              <Column key={column.node.id} {...column} />
            ))}
            {map.bands.map((band) => (
              <Band
                key={band.band.network.id}
                laid={band}
                picked={picked}
                choose={choose}
                fold={(node) => setOpen(toggled(open, `${band.band.network.id} ${node}`))}
              />
            ))}
          </div>
        </section>
      )}
    </>
  );
}

function toggled(open: ReadonlySet<string>, cell: string): ReadonlySet<string> {
  return open.has(cell) ? new Set([...open].filter((each) => each !== cell)) : new Set([...open, cell]);
}

function hint({ from, name }: Picked, { endpoints }: Cluster): string {
  if (from === '') return 'Pick a container, then what it is to reach.';
  const asker = endpoints.find(({ container }) => container === from)?.containerName ?? 'It';
  return name === ''
    ? `${asker} asks. Now pick what it is to reach: a container or a service.`
    : `${asker} asks for ${name}.`;
}

function Column({ node, ...box }: Box & { readonly node: ShownNode }): JSX.Element {
  const about = node.state === 'alive' ? (node.advertise ?? '') : node.state;
  return (
    <div class={`column ${node.state}`} style={styleOf(box)}>
      <div class="head">
        <h2>{node.name}</h2>
        <p>{node.self ? `${about} · this node` : about}</p>
      </div>
    </div>
  );
}

interface BandProps {
  readonly laid: MapBand;
  readonly picked: Picked;
  readonly choose: (place: Place, name: string) => void;
  readonly fold: (node: string) => void;
}

function Band({ laid, picked, choose, fold }: BandProps): JSX.Element {
  const { network, services } = laid.band;
  const hollow = services.filter(({ providers }) => providers.length === 0);
  return (
    <section class={`hue${laid.hue}`} aria-label={`Network ${network.name}`}>
      <div class="band" style={styleOf(laid)} />
      <div class="about" style={styleOf({ ...laid, width: sizes.label - sizes.padding })}>
        <div class="stays">
          <h2 title={network.name}>{network.name}</h2>
          <p>{network.endpoints === 'known' ? network.driver : `${network.driver}, containers unknown`}</p>
          {network.subnets.map(({ subnet }) => (
            <p key={subnet}>{subnet}</p>
          ))}
          {hollow.map(({ service, address }) => (
            <p key={service.id} class="hollow" title="It has no provider">
              {`${service.name} ${address}`}
              <span class="hidden">, no provider</span>
            </p>
          ))}
        </div>
      </div>
      {laid.chips.map((chip) => (
        <Chip key={chip.place.container} {...chip} network={network.name} picked={picked} choose={choose} />
      ))}
      {laid.folds.map(({ node, count, ...box }) => (
        <button key={node} type="button" class="fold" style={styleOf(box)} onClick={() => fold(node)}>
          {count > 0 ? `${count} more` : 'fewer'}
        </button>
      ))}
    </section>
  );
}

type ChipProps = Box &
  Pick<BandProps, 'picked' | 'choose'> & { readonly place: Place; readonly network: string };

function Chip({ place, network, picked, choose, ...box }: ChipProps): JSX.Element {
  const health = place.healthy ? '' : ', unhealthy';
  const name = (of: string) => `${of}.${network}`;
  return (
    <div class={`chip${place.healthy ? '' : ' unhealthy'}`} style={styleOf(box)}>
      <button
        type="button"
        class="container"
        aria-pressed={picked.from === place.container}
        title={`${place.name} on ${place.nodeName}${health}`}
        onClick={() => choose(place, name(place.name))}
      >
        <span class="name">{place.name}</span>
        <span class="hidden">{` on ${place.nodeName}, `}</span>
        <span class="address">{place.address}</span>
        {!place.healthy && (
          <span class="mark">
            <span class="hidden">, unhealthy</span>
          </span>
        )}
      </button>
      {place.services.map((service) => (
        <button
          key={service.name}
          type="button"
          class="service"
          aria-pressed={picked.name === name(service.name)}
          onClick={() => choose(place, name(service.name))}
        >
          <span class="name">{service.name}</span>
          <span class="hidden">{`, a service of ${place.name}, `}</span>
          <span class="address">{service.address}</span>
        </button>
      ))}
    </div>
  );
}

function styleOf({ x, y, width, height }: Box): Record<string, string> {
  return { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` };
}
