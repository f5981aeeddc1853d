import { hostSandbox } from '../../dataplane/sandboxes.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { ContainerTable } from './container-table.ts';

/**
 * The sandbox that a container's interfaces are in: its own, the host's, or that of the container it
 * shares with, itself perhaps a sharer.
 * @throws not-found for the container itself; invalid when the sharing goes round in a circle
 */
export function resolveSandbox(table: ContainerTable, id: string): string {
  const seen = new Set<string>();
  for (let at = id; !seen.has(at); ) {
    seen.add(at);
    // Whoever it shared with may be removed by now; what is left of it can be removed all the same.
    const networkMode = at === id ? table.require(at).spec.networkMode : table.get(at)?.spec.networkMode;
    if (!networkMode) return at;
    if (networkMode.kind === 'host') return hostSandbox;
    if (networkMode.kind !== 'container') return at;
    at = networkMode.containerId;
  }
  throw new FairleadError('invalid', `container ${id} shares its network with itself`);
}

/** @throws conflict when the container that this one shares the sandbox of does not run */
export function refuseSharingWithStopped(table: ContainerTable, id: string): void {
  const { networkMode } = table.require(id).spec;
  if (networkMode.kind !== 'container') return;
  const shared = table.require(networkMode.containerId);
  if (shared.state.status === 'running') return;
  throw new FairleadError('conflict', `cannot join network of a non running container: ${shared.id}`);
}
