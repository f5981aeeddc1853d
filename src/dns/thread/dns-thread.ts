import { setTimeout as sleep } from 'node:timers/promises';
import { type MessagePort, Worker } from 'node:worker_threads';
import { distFile } from '../../lib/dist-file.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { Dns, DnsStatus, Gateway } from '../dns.ts';
import { NameReplicaWriter, type NamesToReplicate } from './name-replica-writer.ts';
import type { Message, Order, Request, ThreadOptions } from './protocol.ts';
import type { DnsThreadParts, RemoteDns } from './remote-dns.ts';

interface Pending {
  resolve(value: unknown): void;
  reject(error: FairleadError): void;
}

interface Running {
  readonly worker: Worker;
  /** Undefined until it is started. */
  writer?: NameReplicaWriter;
}

/** Milliseconds. A thread that ends is a bug; DNS must not be gone because of it, nor the log be full of it. */
const pauseBeforeAnother = 1000;

/**
 * DNS on a thread of its own: a list of ten thousand services, a commit or a collection of garbage keeps no name
 * waiting, and a flood of queries no attach. It answers from a copy of the names (name-replica-writer.ts). Its code is loaded from
 * the moment that it is made, beside whatever this thread loads meanwhile, and it answers once it is started.
 */
export class DnsThread implements RemoteDns {
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  /** Undefined between two threads. */
  #running: Running | undefined;
  /** What a new thread is told again. */
  #directory: NamesToReplicate | undefined;
  #gateways: readonly Gateway[] | undefined;
  #closed = false;

  constructor(private readonly parts: DnsThreadParts) {
    this.#running = this.#begin();
  }

  /** @throws invalid when an address in the options does not parse */
  async start(directory: NamesToReplicate): Promise<void> {
    this.#directory = directory;
    const writer = new NameReplicaWriter(directory, () => void this.refresh());
    if (this.#running) this.#running.writer = writer;
    await this.#request({ order: 'start', names: writer.end }, [writer.end.port]);
  }

  async ensureListeners(gateways: readonly Gateway[]): Promise<void> {
    this.#gateways = gateways;
    // Another thread is told as it begins.
    await this.#request({ order: 'listen', gateways }).catch(() => {});
  }

  async status(): Promise<DnsStatus> {
    const nothing = { listeners: [], upstreams: [], degraded: true };
    return await this.#request<DnsStatus>({ order: 'status' }).catch(() => nothing);
  }

  dump() {
    return this.#request<ReturnType<Dns['dump']>>({ order: 'dump' });
  }

  async refresh(): Promise<void> {
    await this.#request({ order: 'refresh' }).catch(() => {});
  }

  resync() {
    this.#running?.writer?.sendAll();
    return this.#request<ReturnType<Dns['resync']>>({ order: 'resync' });
  }

  lookupAs(containerId: string, name: string) {
    return this.#request<Awaited<ReturnType<Dns['lookupAs']>>>({ order: 'lookup', containerId, name });
  }

  metrics() {
    return this.#request<ReturnType<Dns['metrics']>>({ order: 'metrics' });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#request({ order: 'close' }).catch(() => {});
    await this.#running?.worker.terminate();
  }

  #begin(): Running {
    const { options, logLevel } = this.parts;
    const workerData: ThreadOptions = { options, logLevel };
    // No flags of the daemon's own: some are not for threads.
    const worker = new Worker(distFile('dns-thread.cjs'), {
      name: 'dns',
      workerData,
      execArgv: [],
      // Queries leave little behind, and it for a moment only; by default 48 MB of it would be kept.
      resourceLimits: { maxYoungGenerationSizeMb: 6 },
    });
    worker.on('message', (message: Message) => this.#receive(message));
    worker.on('error', (err) => this.parts.log.error({ err }, `dns: ${err.message}`));
    worker.on('exit', () => void this.#another());
    return { worker };
  }

  #request<T>(order: Order, transferred: readonly MessagePort[] = []): Promise<T> {
    this.#lastId += 1;
    const request: Request = { id: this.#lastId, ...order };
    const worker = this.#running?.worker;
    if (!worker) return Promise.reject(startedAgain());
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(request.id, { resolve, reject });
      worker.postMessage(request, transferred);
    });
  }

  #receive(message: Message): void {
    if ('line' in message) {
      this.parts.sink.write(message.line);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if ('error' in message) pending?.reject(new FairleadError(message.error.kind, message.error.message));
    else pending?.resolve(message.value);
  }

  async #another(): Promise<void> {
    this.#running?.writer?.close();
    this.#running = undefined;
    for (const { reject } of this.#pending.values()) reject(startedAgain());
    this.#pending.clear();
    if (this.#closed) return;
    await sleep(pauseBeforeAnother);
    if (this.#closed) return;
    this.#running = this.#begin();
    if (this.#directory) await this.start(this.#directory).catch(() => {});
    if (this.#gateways) await this.ensureListeners(this.#gateways);
  }
}

function startedAgain(): FairleadError {
  return new FairleadError('unavailable', 'DNS is being started again; try again in a moment');
}
