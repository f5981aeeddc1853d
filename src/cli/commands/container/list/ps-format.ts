import { type Columns, formatRows } from '../../../format/formatter.ts';
import type { ListedContainer } from '../records.ts';
import { ellipsis, humanSize, psRow } from './ps-row.ts';

export function formatContainers(
  format: string,
  containers: readonly ListedContainer[],
  full: boolean,
): string {
  return formatRows(format, containers, columns(full));
}

function columns(full: boolean): Columns<ListedContainer> {
  const row = (container: ListedContainer) => psRow(container, full);
  return {
    typeName: '*formatter.ContainerContext',
    fields: {
      ID: ['CONTAINER ID', (container) => row(container).id],
      Image: ['IMAGE', ({ Image }) => Image],
      Command: ['COMMAND', (container) => row(container).command],
      RunningFor: ['CREATED', (container) => row(container).created],
      Status: ['STATUS', ({ Status }) => Status],
      Ports: ['PORTS', (container) => row(container).ports],
      Names: ['NAMES', (container) => row(container).names],
      State: ['STATE', ({ State }) => State],
      Labels: ['LABELS', ({ Labels }) => labelText(Labels)],
      Networks: ['NETWORKS', ({ NetworkSettings }) => Object.keys(NetworkSettings?.Networks ?? {}).join(',')],
      Size: ['SIZE', sizeText],
      Mounts: ['MOUNTS', ({ Mounts }) => mountNames(Mounts, full)],
      LocalVolumes: [
        'LOCAL VOLUMES',
        ({ Mounts }) => String(Mounts.filter(({ Driver }) => Driver === 'local').length),
      ],
      // Engines name one only for images of their own store, which Fairlead does not have.
      Platform: ['PLATFORM', () => null],
      CreatedAt: ['CREATED AT', ({ Created }) => createdAt(Created)],
    },
    methods: { Label: ({ Labels }, key) => Labels?.[String(key)] ?? '' },
    table: '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}',
    failed: 'failed to execute template',
    raw: 'container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\ncreated_at: {{.CreatedAt}}\nstate: {{.State}}\nstatus: {{.Status}}\nnames: {{.Names}}\nlabels: {{.Labels}}\nports: {{.Ports}}\n',
  };
}

function labelText(labels: ListedContainer['Labels']): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}

function sizeText({ SizeRw = 0, SizeRootFs = 0 }: ListedContainer): string {
  const virtual = SizeRootFs > 0 ? ` (virtual ${humanSize(SizeRootFs)})` : '';
  return humanSize(SizeRw) + virtual;
}

function mountNames(mounts: ListedContainer['Mounts'], full: boolean): string {
  return mounts
    .map(({ Name = '', Source }) => Name || Source)
    .map((name) => (full ? name : ellipsis(name, 15)))
    .join(',');
}

function createdAt(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, 19)} +0000 UTC`;
}
