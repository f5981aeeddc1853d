import type { Container } from '../container/runtime.ts';
import type { Parts } from './parts.ts';
import type { Places } from './places.ts';

/** What the containers of this node have on networks: everything else of this node's is left over and goes. */
export interface Holdings {
  /** Makes records and kernel show what a container has. `present` as in Attachments.assert. */
  assert(container: Container, present: ReadonlySet<string> | undefined): Promise<void>;
  /** Whether all containers are known. */
  complete(): boolean;
  /** What is to be put right beside the containers. */
  settle(): Promise<void>;
  /** Ids of endpoints that are somebody's, or are just being made. */
  endpointIds(): ReadonlySet<string>;
  /** Names of the host's ends of their interfaces. */
  hostEnds(): ReadonlySet<string>;
}

/** Where the daemon runs the containers, their records say all. */
export function ownHoldings({ runtime }: Pick<Parts, 'runtime'>, places: Places): Holdings {
  const joined = () => {
    const running = runtime.list().filter(({ state }) => state.status === 'running');
    return running.flatMap(({ memberships }) => memberships.flatMap((place) => place.joined ?? []));
  };
  return {
    assert: ({ id }, present) => places.assert(id, present),
    complete: () => true,
    async settle() {},
    endpointIds: () => new Set(joined().map(({ endpointId }) => endpointId)),
    hostEnds: () => new Set(joined().flatMap(({ source }) => source?.hostName ?? [])),
  };
}
