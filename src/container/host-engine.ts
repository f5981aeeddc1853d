import * as z from 'zod';
import { endpointSchema } from '../cluster/records.ts';
import type { DeepReadonly } from '../lib/deep-readonly.ts';
import { type Container, wantedSchema } from './container.ts';

/**
 * The contract of the Docker Engine that the daemon works beside: its networks, and what it tells of its
 * containers. Nothing here may be called while a request of the Engine's own is being answered
 * (src/api/plugin): it holds locks then, and the two would wait for each other.
 */
export interface HostEngine {
  status(): EngineStatus;
  /** All of its networks, ours included. @throws unavailable */
  networks(): Promise<readonly EngineNetwork[]>;
  /** @returns its id there. @throws conflict for the name | unavailable */
  createNetwork(spec: EngineNetworkSpec): Promise<string>;
  /** Repeatable. @throws forbidden while containers are on it | unavailable */
  removeNetwork(engineNetworkId: string): Promise<void>;
  /** @throws as the Engine says | unavailable */
  connect(engineNetworkId: string, containerId: string, place: EnginePlace): Promise<void>;
  /** Repeatable. @throws unavailable */
  disconnect(engineNetworkId: string, containerId: string): Promise<void>;
  /** Whether it is, or is becoming, a node of a Swarm. @throws unavailable */
  isInSwarm(): Promise<boolean>;
  /**
   * Looks at a container by its name or id: what is known of it is then no older than this call. None: no error.
   * @throws unavailable
   */
  look(containerRef: string): Promise<void>;
  /** Told what happened there, in order, once each; after `reached` everything is to be looked at again. */
  onChange(listener: (change: EngineChange) => void): void;
}

export interface EngineStatus {
  readonly reachable: boolean;
  /** Whether all of its containers have been looked at; one that it holds locked comes later. */
  readonly complete: boolean;
  /** Unix time in milliseconds, of the last change. */
  readonly since: number;
  /** Why it is not reachable, in one line. */
  readonly reason?: string;
  readonly address: string;
  /** `20.10.24`; what it was when it was reached last. */
  readonly version?: string;
  /** The version of the API that is spoken with it. */
  readonly apiVersion?: string;
}

export interface EngineNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly scope: string;
  readonly created: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly ipv6: boolean;
  readonly ipamDriver: string;
  readonly pools: readonly {
    readonly subnet: string;
    readonly gateway?: string;
    readonly ipRange?: string;
  }[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface EngineNetworkSpec
  extends Omit<EngineNetwork, 'id' | 'scope' | 'created' | 'ipamDriver' | 'pools'> {
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly pools: readonly { readonly subnet: string; readonly gateway: string }[];
  };
}

/** Addresses without prefix length. */
export interface EnginePlace {
  readonly aliases: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly mac?: string;
  readonly links?: readonly string[];
  readonly linkLocal?: readonly string[];
  readonly gatewayPriority?: number;
  readonly driverOptions?: Readonly<Record<string, string>>;
}

export type EngineChange =
  /** It answers, for the first time or again, and its containers are known. */
  | { readonly kind: 'reached' }
  | { readonly kind: 'lost'; readonly reason: string }
  /** What is known of the container now; `after` absent: it was removed. */
  | { readonly kind: 'container'; readonly before?: Container; readonly after?: Container }
  /** As the Engine's event says (docker-facts 5.4). */
  | {
      readonly kind: 'event';
      readonly type: 'container' | 'network';
      readonly action: string;
      readonly id: string;
      readonly attributes: Readonly<Record<string, string>>;
    };

/** An endpoint that the Engine has made on a network of ours. */
export const linkSchema = z.object({
  networkId: z.string(),
  /** Ours, as it stands in the store. */
  endpoint: endpointSchema,
  /** The host's end of its interface, and the bridge it is in. */
  hostName: z.string().exactOptional(),
  bridge: z.string().exactOptional(),
  /** The sandbox that it was joined to, as the Engine names it. */
  sandboxKey: z.string().exactOptional(),
  /** Prefix length of the route to the resolver that it brought with it. */
  resolverPrefix: z.number().int().exactOptional(),
});
export type EndpointLink = Readonly<z.infer<typeof linkSchema>>;

export const serviceWishSchema = z.object({
  containerId: z.string(),
  networkId: z.string(),
  serviceId: z.string(),
  /** The container was on the network before, and is to be again when the service is taken from it. */
  restore: wantedSchema
    .omit({ network: true, networkName: true, serviceId: true, publish: true, variables: true })
    .exactOptional(),
});
export type ServiceWish = DeepReadonly<z.infer<typeof serviceWishSchema>>;
