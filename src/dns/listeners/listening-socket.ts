import { Socket } from 'node:dgram';
import { isIPv6, Server } from 'node:net';
import { joinHostPort } from '../../lib/host-address.ts';
import type { Transport } from '../wire/answer.ts';
import { openInside } from './open-inside.ts';
import type { ListenerHandler } from './query-handler.ts';
import type { TcpConnections } from './tcp-connections.ts';
import { TcpTransport } from './tcp-transport.ts';
import { UdpTransport } from './udp-transport.ts';

export interface SocketState {
  readonly transport: Transport;
  readonly bound: boolean;
  readonly reason: string | undefined;
  /** What the kernel said. */
  readonly error: NodeJS.ErrnoException | undefined;
}

const firstRetryMs = 100;
const longestRetryMs = 10_000;

/** One transport on one address: bound, or being tried again with growing pauses. */
export class ListeningSocket {
  #server: UdpTransport | TcpTransport | undefined;
  #binding: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #pauseMs = firstRetryMs;
  #closed = false;
  #reason: string | undefined = 'not bound yet';

  constructor(
    private readonly transport: Transport,
    private readonly at: { readonly address: string; readonly port: number; readonly namespace?: string },
    private readonly handler: ListenerHandler,
    private readonly connections: TcpConnections,
    /** Told when it is bound, or not for a new reason. */
    private readonly onChange: (state: SocketState) => void,
    private readonly portToBind: () => number = () => at.port,
  ) {}

  /** Why it is not bound; undefined when it is. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** The bound port; 0 when not bound. */
  get port(): number {
    if (!this.#server || this.#reason !== undefined) return 0;
    const address = socketOf(this.#server).address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** One try now, unless it is bound. Never rejects. */
  async ensureBound(): Promise<void> {
    if (this.#server || this.#closed) return;
    clearTimeout(this.#retry);
    this.#binding ??= this.#tryBind().finally(() => {
      this.#binding = undefined;
    });
    await this.#binding;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    await this.#binding;
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #tryBind(): Promise<void> {
    const { address, namespace } = this.at;
    const port = this.portToBind();
    const handle =
      namespace === undefined ? undefined : await openInside(namespace, this.transport, { address, port });
    if (handle instanceof Error) return this.#failed(handle);
    const server =
      this.transport === 'udp'
        ? new UdpTransport(
            isIPv6(address) ? 6 : 4,
            this.handler,
            handle instanceof Socket ? handle : undefined,
          )
        : new TcpTransport(this.handler, this.connections);
    const failure =
      handle instanceof Socket ? undefined : await bind(server, handle ?? { host: address, port });
    if (failure) return this.#failed(failure);
    this.#server = server;
    this.#pauseMs = firstRetryMs;
    this.#note(undefined);
    // A bound socket fails when its interface goes, say; then it is bound again.
    socketOf(server).on('error', (error: NodeJS.ErrnoException) => this.#lost(server, error));
  }

  #lost(server: UdpTransport | TcpTransport, error: NodeJS.ErrnoException): void {
    if (this.#server !== server) return;
    this.#server = undefined;
    server.close();
    this.#failed(error);
  }

  #failed(error: NodeJS.ErrnoException): void {
    const where = `${joinHostPort(this.at.address, this.at.port)}/${this.transport}`;
    this.#note(`cannot listen on ${where}: ${explain(error)}`, error);
    if (this.#closed) return;
    this.#retry = setTimeout(() => void this.ensureBound(), this.#pauseMs);
    this.#retry.unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestRetryMs);
  }

  #note(reason: string | undefined, error?: NodeJS.ErrnoException): void {
    const changed = reason !== this.#reason;
    this.#reason = reason;
    if (changed) this.onChange({ transport: this.transport, bound: reason === undefined, reason, error });
  }
}

/** Resolves with what went wrong, if anything did; the server is then closed. */
function bind(
  server: UdpTransport | TcpTransport,
  at: Server | { readonly host: string; readonly port: number },
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const socket = socketOf(server);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (server instanceof UdpTransport) server.close();
      resolve(error);
    });
    socket.once('listening', () => {
      socket.removeAllListeners('error');
      resolve(undefined);
    });
    // exclusive: a cluster worker's shared handle would hide that the port is taken.
    if (server instanceof TcpTransport) server.listen(at instanceof Server ? at : { ...at, exclusive: true });
    else if (!(at instanceof Server))
      server.socket.bind({ port: at.port, address: at.host, exclusive: true });
  });
}

function socketOf(server: UdpTransport | TcpTransport) {
  return server instanceof UdpTransport ? server.socket : server;
}

function explain(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the port is taken by another program (EADDRINUSE)';
    case 'EADDRNOTAVAIL':
      return 'no interface has this address (EADDRNOTAVAIL)';
    case 'EACCES':
      return 'no permission for this port (EACCES)';
    default:
      return error.message;
  }
}
