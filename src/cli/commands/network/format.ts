import { shortId } from '../../../lib/ids.ts';
import { type Columns, formatRows } from '../../format/formatter.ts';
import { goTimeText } from '../../format/go-time.ts';
import { byName, type NetworkRecord } from './records.ts';

/** Today's `network ls --format` (docker-facts 6.3), sorted by name. */
export function formatNetworks(format: string, networks: readonly NetworkRecord[], full: boolean): string {
  return formatRows(format, byName(networks), columns(full));
}

function columns(full: boolean): Columns<NetworkRecord> {
  return {
    typeName: '*network.networkContext',
    fields: {
      ID: ['NETWORK ID', ({ Id }) => (full ? Id : shortId(Id))],
      Name: ['NAME', ({ Name }) => Name],
      Driver: ['DRIVER', ({ Driver }) => Driver],
      Scope: ['SCOPE', ({ Scope }) => Scope],
      IPv4: ['IPV4', ({ EnableIPv4 }) => String(EnableIPv4 ?? false)],
      IPv6: ['IPV6', ({ EnableIPv6 }) => String(EnableIPv6)],
      Internal: ['INTERNAL', ({ Internal }) => String(Internal)],
      Labels: ['LABELS', ({ Labels }) => labelText(Labels)],
      CreatedAt: ['CREATED AT', ({ Created }) => goTimeText(Created)],
    },
    methods: { Label: ({ Labels }, key) => Labels?.[String(key)] ?? '' },
    table: '{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}',
    raw: 'network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n',
  };
}

function labelText(labels: NetworkRecord['Labels']): string {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}
