import { hostname } from 'node:os';
import { shortId } from '../../lib/ids.ts';
import type { ContainerTable } from '../own/container-table.ts';

/** What a container sees as its own name; as in Docker, who shares a network stack shares its name too. */
export function hostnameOf(table: ContainerTable, id: string): string {
  const { spec } = table.require(id);
  if (spec.hostname !== '') return spec.hostname;
  if (spec.networkMode.kind === 'host') return hostname();
  if (spec.networkMode.kind === 'container') return hostnameOf(table, spec.networkMode.containerId);
  return shortId(id);
}
