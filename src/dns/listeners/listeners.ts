import { joinHostPort } from '../../lib/host-address.ts';
import type { Logger } from '../../lib/log.ts';
import { HostAddresses } from '../askers/host-addresses.ts';
import type { Transport } from '../wire/answer.ts';
import { ListeningSocket, type SocketState } from './listening-socket.ts';
import type { ListenerHandler, ListenerKind } from './query-handler.ts';
import type { TcpConnections } from './tcp-connections.ts';

/** An address to answer on. */
export interface ListenAddress {
  readonly listener: ListenerKind;
  readonly address: string;
  /** 0: any. */
  readonly port: number;
  /** Path of the network namespace; absent: this process's. */
  readonly namespace?: string;
}

export interface ListenerStatus {
  readonly address: string;
  readonly port: number;
  /** Absent for the host's own listener. */
  readonly networkId?: string;
  /** Whose sandbox it is in. */
  readonly containerId?: string;
  /** `degraded`: UDP or TCP is not bound, and tried again. */
  readonly state: 'listening' | 'degraded';
  /** Why it is degraded, in one line. */
  readonly reason?: string;
}

interface Listener {
  readonly wanted: ListenAddress;
  readonly sockets: readonly ListeningSocket[];
}

export type HandlerOf = (listener: ListenerKind, transport: Transport) => ListenerHandler;

/**
 * Brings the bound sockets in line with a desired set of addresses. A port that is taken degrades DNS on
 * that address and nothing else: containers still start. Bound sockets are left alone whatever changes
 * in the name table.
 */
export class Listeners {
  readonly #listeners = new Map<string, Listener>();
  #converging: Promise<void> = Promise.resolve();

  constructor(
    private readonly handlerOf: HandlerOf,
    private readonly connections: TcpConnections,
    private readonly log: Logger,
    private readonly addresses = new HostAddresses(),
  ) {}

  /** Resolves when each address has been tried once; what failed is tried again on its own. Never rejects. */
  ensure(wanted: readonly ListenAddress[]): Promise<void> {
    // One after another: a later call must not find an earlier one half done.
    this.#converging = this.#converging.then(() => this.#converge(wanted));
    return this.#converging;
  }

  async #converge(wanted: readonly ListenAddress[]): Promise<void> {
    const ids = new Map(wanted.map((address) => [idOf(address), address]));
    const removed = [...this.#listeners].filter(([id]) => !ids.has(id));
    for (const [id] of removed) this.#listeners.delete(id);
    await Promise.all(removed.flatMap(([, { sockets }]) => sockets.map((socket) => socket.close())));
    for (const [id, address] of ids)
      if (!this.#listeners.has(id)) this.#listeners.set(id, this.#open(address));
    await Promise.all([...this.#listeners.values()].map(bindAll));
  }

  status(): readonly ListenerStatus[] {
    return [...this.#listeners.values()].map(statusOf);
  }

  /** Whether a server at this address is ourselves; not where somebody else has the port. */
  owns(address: string, port: number): boolean {
    return [...this.#listeners.values()].some(
      ({ wanted, sockets }) =>
        sockets[0]?.port === port &&
        (wanted.address === address || (isUnspecified(wanted.address) && this.addresses.has(address))),
    );
  }

  close(): Promise<void> {
    return this.ensure([]);
  }

  #open(wanted: ListenAddress): Listener {
    const onChange = (state: SocketState) => this.#report(wanted, state);
    const { connections } = this;
    const open = (transport: Transport, port?: () => number) => {
      const handler = this.handlerOf(wanted.listener, transport);
      return new ListeningSocket(transport, wanted, handler, connections, onChange, port);
    };
    const udp = open('udp');
    const tcp = open('tcp', () => udp.port || wanted.port);
    return { wanted, sockets: [udp, tcp] };
  }

  #report({ address, port }: ListenAddress, state: SocketState): void {
    const fields = { address, port };
    if (state.bound)
      this.log.info(fields, `dns: listening on ${joinHostPort(address, port)}/${state.transport}`);
    else this.log.warn({ ...fields, err: state.error }, `dns: degraded: ${state.reason}`);
  }
}

/** UDP first: where any port will do (0), TCP takes the one that UDP got. */
async function bindAll({ sockets }: Listener): Promise<void> {
  for (const socket of sockets) await socket.ensureBound();
}

function idOf({ listener, address, port }: ListenAddress): string {
  const of =
    listener.kind === 'gateway'
      ? listener.networkId
      : listener.kind === 'sandbox'
        ? listener.containerId
        : '';
  return `${of} ${address} ${port}`;
}

function statusOf({ wanted, sockets }: Listener): ListenerStatus {
  const reasons = sockets.flatMap(({ reason }) => reason ?? []);
  return {
    address: wanted.address,
    port: sockets[0]?.port || wanted.port,
    ...(wanted.listener.kind === 'gateway' && { networkId: wanted.listener.networkId }),
    ...(wanted.listener.kind === 'sandbox' && { containerId: wanted.listener.containerId }),
    state: reasons.length > 0 ? 'degraded' : 'listening',
    ...(reasons.length > 0 && { reason: reasons.join('; ') }),
  };
}

function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
