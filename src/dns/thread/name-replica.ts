import { receiveMessageOnPort } from 'node:worker_threads';
import type { NameSource } from '../names/name-table.ts';
import type { NamedEndpoint, NamedNetwork } from '../names/zone.ts';
import type { NameChange, Names, NamesEnd } from './protocol.ts';

interface ReplicatedNetwork {
  readonly network: NamedNetwork;
  readonly endpoints: Map<string, NamedEndpoint>;
}

/** The thread's copy of the directory's names, never behind it when it is looked at. */
export class NameReplica implements NameSource {
  readonly #networks = new Map<string, ReplicatedNetwork>();
  readonly #listeners = new Set<(networkIds: ReadonlySet<string>) => void>();
  #taken = 0;

  constructor(private readonly end: NamesEnd) {}

  networks(): readonly NamedNetwork[] {
    return [...this.#networks.values()].map(({ network }) => network);
  }

  endpointsOf(networkId: string): readonly NamedEndpoint[] {
    return [...(this.#networks.get(networkId)?.endpoints.values() ?? [])];
  }

  subscribe(listener: (networkIds: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  sync(): void {
    while (Atomics.load(this.end.sent, 0) !== this.#taken) {
      const next = receiveMessageOnPort(this.end.port);
      if (!next) return;
      this.#takeNext(next.message);
    }
  }

  #takeNext({ full, changes }: Names): void {
    // The count overflows as the sender's does.
    this.#taken = (this.#taken + 1) | 0;
    if (full) this.#networks.clear();
    for (const change of changes) this.#apply(change);
    // A resync is to find out what was not told.
    if (full) return;
    const ids = new Set(changes.map(({ networkId }) => networkId));
    for (const listener of this.#listeners) listener(ids);
  }

  #apply({ networkId, network, put, removed }: NameChange): void {
    if (!network) {
      this.#networks.delete(networkId);
      return;
    }
    const endpoints = this.#networks.get(networkId)?.endpoints ?? new Map<string, NamedEndpoint>();
    for (const id of removed) endpoints.delete(id);
    for (const endpoint of put) endpoints.set(endpoint.id, endpoint);
    this.#networks.set(networkId, { network, endpoints });
  }
}
