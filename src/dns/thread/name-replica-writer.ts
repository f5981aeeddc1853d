import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Directory, DirectoryListener } from '../../cluster/directory.ts';
import type { NamedEndpoint, NamedNetwork } from '../names/zone.ts';
import type { NameChange, Names, NamesEnd } from './protocol.ts';

export interface NamesToReplicate extends Pick<Directory, 'networks' | 'network' | 'endpointsOf'> {
  subscribe(listener: DirectoryListener): () => void;
}

/** Milliseconds after which changes are to be taken in though nobody has asked. */
const takenInMs = 50;

/**
 * Sends what changed of the directory's names to a thread that has a copy of them (name-replica.ts). By the time
 * that the directory has told of a change it is sent, and counted: the thread looks at the count before it answers.
 * No change wakes the thread, which would take a core from whatever made the change; `takeIn` does, for many at once.
 */
export class NameReplicaWriter {
  readonly #port: MessagePort;
  readonly #sentCount = new Int32Array(new SharedArrayBuffer(4));
  /** Network → endpoint's id → the record that was sent. */
  readonly #sent = new Map<string, ReadonlyMap<string, NamedEndpoint>>();
  readonly #unsubscribe: () => void;
  #takingIn: NodeJS.Timeout | undefined;
  /** For the thread. */
  readonly end: NamesEnd;

  constructor(
    private readonly source: NamesToReplicate,
    private readonly takeIn: () => void,
  ) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.end = { port: port2, sent: this.#sentCount };
    this.#unsubscribe = source.subscribe((ids) => this.#send(false, [...ids]));
    this.sendAll();
  }

  /** All there is now, whatever was sent before. */
  sendAll(): void {
    this.#sent.clear();
    this.#send(
      true,
      this.source.networks().map(({ id }) => id),
    );
  }

  close(): void {
    clearTimeout(this.#takingIn);
    this.#unsubscribe();
    this.#port.close();
  }

  #send(full: boolean, networkIds: readonly string[]): void {
    const names: Names = { full, changes: networkIds.map((id) => this.#changeOf(id)) };
    this.#port.postMessage(names);
    Atomics.add(this.#sentCount, 0, 1);
    this.#takingIn ??= setTimeout(() => {
      this.#takingIn = undefined;
      this.takeIn();
    }, takenInMs).unref();
  }

  #changeOf(networkId: string): NameChange {
    const network = this.source.network(networkId);
    const before = this.#sent.get(networkId);
    const now = new Map((network ? this.source.endpointsOf(networkId) : []).map((each) => [each.id, each]));
    if (network) this.#sent.set(networkId, now);
    else this.#sent.delete(networkId);
    return {
      networkId,
      network: network && namedNetwork(network),
      // A record is never changed: another one takes its place.
      put: [...now.values()].filter((each) => before?.get(each.id) !== each).map(named),
      removed: [...(before?.keys() ?? [])].filter((id) => !now.has(id)),
    };
  }
}

function namedNetwork({ id, name, ipam, internal }: NamedNetwork): NamedNetwork {
  return { id, name, ipam, internal };
}

/** Only what names are made of: the thread's copy is to be small. */
function named(endpoint: NamedEndpoint): NamedEndpoint {
  const { id, name, containerId, containerName, nodeId, created, aliases, links, healthy, ports } = endpoint;
  const { serviceId, dnsPolicy, ipv4, ipv6, hostname, servers } = endpoint;
  return {
    ...{ id, name, containerId, containerName, nodeId, created, aliases, healthy, ports },
    ...(links && { links }),
    ...(hostname !== undefined && { hostname }),
    ...(servers && { servers }),
    ...(serviceId !== undefined && { serviceId }),
    ...(dnsPolicy && { dnsPolicy }),
    ...(ipv4 !== undefined && { ipv4 }),
    ...(ipv6 !== undefined && { ipv6 }),
  };
}
