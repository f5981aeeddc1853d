import { createHash } from 'node:crypto';
import { encodeKeyPart } from '../../kvstore/store.ts';
import { foldCase } from '../lib/names.ts';

export interface CandidateId {
  readonly networkId: string;
  readonly serviceId: string;
  readonly containerId: string;
}

/** The key layout (docs/kv-stores.md). Only this file spells keys. */
export const keys = {
  schema: 'meta/schema',
  /** Made with the schema's key: a store whose identity changed has lost its data. */
  identity: 'meta/id',
  network: (id: string) => `networks/${id}`,
  /** Holds the network's id. Folded: names that differ only by case are one name. */
  networkName: (name: string) => `network-names/${boundedPart(foldCase(name))}`,
  subnets: 'subnets',
  /** Subnets of a network that an Engine is just creating, in the document of subnets under the same id; on its node's lease. */
  reservation: (id: string) => `reservations/${id}`,
  vni: (vni: number) => `vnis/${vni}`,
  service: (networkId: string, name: string) => `services/${networkId}/${encodeKeyPart(foldCase(name))}`,
  candidate: ({ networkId, serviceId, containerId }: CandidateId) =>
    `candidates/${networkId}/${serviceId}/${containerId}`,
  endpoint: (networkId: string, endpointId: string) => `endpoints/${networkId}/${endpointId}`,
  address: (networkId: string, address: string) => `addresses/${networkId}/${encodeKeyPart(address)}`,
  /** The address that a node gave out last on a network, so that a freed one is not reused at once. */
  cursor: (networkId: string, nodeId: string) => `cursors/${networkId}/${nodeId}`,
  node: (id: string) => `nodes/${id}`,
  /** A node whose lease ended without a goodbye, for a day. */
  gone: (nodeId: string) => `gone/${nodeId}`,
  /** What this node takes its lease in a store up again with; only ever in the embedded store. */
  ticket: (store: string) => `tickets/${encodeKeyPart(store)}`,
  app: (name: string) => `apps/${encodeKeyPart(name)}`,
  /** What holds for every app that does not say otherwise. No app can be called so. */
  globalApp: 'apps/--global',
  /** That this host has deployed the app, if only with no container left; only ever in the embedded store. */
  deployed: (app: string) => `deployed/${encodeKeyPart(app)}`,
  /** Containers of the sandbox and simulated modes; only ever in the embedded store. */
  container: (id: string) => `containers/${id}`,
  /** What a Docker Engine beside the daemon knows of ours, by its ids; only ever in the embedded store. */
  engineContainer: (id: string) => `engine/containers/${id}`,
  engineNetwork: (engineNetworkId: string) => `engine/networks/${engineNetworkId}`,
  engineEndpoint: (engineEndpointId: string) => `engine/endpoints/${engineEndpointId}`,
  engineServiceWish: (name: string) => `engine/backings/${encodeKeyPart(name)}`,
  engineNaming: (containerId: string) => `engine/namings/${containerId}`,
  enginePool: (poolId: string) => `engine/pools/${poolId}`,
} as const;

/** Folders, for `list` and `watch`. */
export const folders = {
  networks: 'networks/',
  services: 'services/',
  servicesOf: (networkId: string) => `services/${networkId}/`,
  candidates: 'candidates/',
  endpoints: 'endpoints/',
  endpointsOf: (networkId: string) => `endpoints/${networkId}/`,
  addressesOf: (networkId: string) => `addresses/${networkId}/`,
  cursorsOf: (networkId: string) => `cursors/${networkId}/`,
  reservations: 'reservations/',
  vnis: 'vnis/',
  nodes: 'nodes/',
  gone: 'gone/',
  apps: 'apps/',
  containers: 'containers/',
  engineContainers: 'engine/containers/',
  engineNetworks: 'engine/networks/',
  engineEndpoints: 'engine/endpoints/',
  engineServiceWishes: 'engine/backings/',
  enginePools: 'engine/pools/',
  engineNamings: 'engine/namings/',
} as const;

const longestPart = 500;

/** Of a long text its beginning and digest, behind a `%` that no encoded text has there: stores bound their keys. */
function boundedPart(text: string): string {
  const part = encodeKeyPart(text);
  if (part.length <= longestPart) return part;
  return `${part.slice(0, 99)}%sha256:${createHash('sha256').update(text).digest('hex')}`;
}
