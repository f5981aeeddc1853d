import { type Columns, formatRows } from '../../format/formatter.ts';
import type { NodeRecord } from './records.ts';

export function formatNodes(
  format: string,
  nodes: readonly NodeRecord[],
  idOf: (id: string) => string,
): string {
  return formatRows(format, nodes, columns(idOf));
}

function columns(idOf: (id: string) => string): Columns<NodeRecord> {
  return {
    typeName: '*node.nodeContext',
    fields: {
      ID: ['NODE ID', ({ id }) => idOf(id)],
      Name: ['NAME', ({ name }) => name],
      Advertise: ['ADVERTISE', ({ advertise }) => advertise],
      Version: ['VERSION', ({ version }) => version],
      Started: ['STARTED', ({ started }) => started],
      State: ['STATE', ({ state }) => state],
      LastSeen: ['LAST SEEN', ({ lastSeen }) => lastSeen],
      Self: ['SELF', ({ self }) => String(self)],
    },
    table: '{{.ID}}\t{{.Name}}\t{{.Advertise}}\t{{.Version}}\t{{.State}}\t{{.Self}}',
    raw: 'node_id: {{.ID}}\nname: {{.Name}}\nadvertise: {{.Advertise}}\nversion: {{.Version}}\nstate: {{.State}}\nself: {{.Self}}\n',
  };
}
