import type { Attachment, Container } from '../../container/container.ts';
import type { Converger } from '../containers/converger.ts';
import type { NetworkContext } from '../context.ts';

/** What the containers of this node have on networks: everything else of this node's is left over and goes. */
export interface LocalClaims {
  /** Makes records and kernel show what a container has. `present`: host ends that need no second look; absent: all do. */
  assert(container: Container, present: ReadonlySet<string> | undefined): Promise<void>;
  /** Whether all containers are known. */
  complete(): boolean;
  /** What is to be put right beside the containers. */
  settle(): Promise<void>;
  /** Ids of endpoints that are somebody's, or are just being made. */
  endpointIds(): ReadonlySet<string>;
  /** Whether something of this node may be on a network that it takes part in no longer; absent: never. */
  mayHaveLeft?(networkId: string): boolean;
  /** Names of the host's ends of their interfaces. */
  hostEnds(): ReadonlySet<string>;
}

/** Where the daemon runs the containers, their records say all. */
export function ownClaims({ runtime }: Pick<NetworkContext, 'runtime'>, converger: Converger): LocalClaims {
  return {
    async assert({ id }, present) {
      await converger.exclusively(id, async () => {
        if (!runtime.get(id)) return;
        await converger.converge(id, { check: 'all', ...(present ? { present } : {}) });
      });
    },
    complete: () => true,
    async settle() {},
    endpointIds: () => new Set(made({ runtime }).flatMap(({ endpoint }) => endpoint?.id ?? [])),
    hostEnds: () => new Set(made({ runtime }).flatMap((one) => one.interface?.source.hostName ?? [])),
  };
}

/** What running containers have. */
export function made({ runtime }: Pick<NetworkContext, 'runtime'>): readonly Attachment[] {
  const running = runtime.list().filter(({ state }) => state.status === 'running');
  return running.flatMap(({ attachments }) => attachments.filter(({ endpoint }) => endpoint));
}
