import type { MessagePort } from 'node:worker_threads';
import type { ErrorKind } from '../../lib/errors.ts';
import type { LogLevel } from '../../lib/log.ts';
import type { DnsOptions, Gateway } from '../dns.ts';
import type { NamedEndpoint, NamedNetwork } from '../names/zone.ts';

/** What the daemon asks of the thread that DNS runs on; each order is answered, in any order. */
export type Order =
  /** Before any other. */
  | { readonly order: 'start'; readonly names: NamesEnd }
  | { readonly order: 'listen'; readonly gateways: readonly Gateway[] }
  | { readonly order: 'status' }
  | { readonly order: 'dump' }
  | { readonly order: 'refresh' }
  /** After the full state was sent. */
  | { readonly order: 'resync' }
  | { readonly order: 'lookup'; readonly containerId: string; readonly name: string }
  | { readonly order: 'metrics' }
  | { readonly order: 'close' };

export type Request = Order & { readonly id: number };

export type Message =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly kind: ErrorKind; readonly message: string } }
  /** A line of the log. */
  | { readonly line: string };

export interface Names {
  /** The full state: what is not in it was removed. */
  readonly full: boolean;
  readonly changes: readonly NameChange[];
}

/** How one network's names changed; `network` is undefined once it was removed. */
export interface NameChange {
  readonly networkId: string;
  readonly network: NamedNetwork | undefined;
  readonly put: readonly NamedEndpoint[];
  /** Ids of removed endpoints. */
  readonly removed: readonly string[];
}

/** What the thread starts with. */
export interface ThreadOptions {
  readonly options: DnsOptions;
  readonly logLevel: LogLevel;
}

/** The thread's end of the way that names come. */
export interface NamesEnd {
  /** Messages of `Names`. */
  readonly port: MessagePort;
  /** One number: how many were sent so far. */
  readonly sent: Int32Array<SharedArrayBuffer>;
}
