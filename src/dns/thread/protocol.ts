import type { MessagePort } from 'node:worker_threads';
import type { ErrorKind } from '../../lib/errors.ts';
import type { LogLevel } from '../../lib/log.ts';
import type { DnsOptions, Gateway } from '../dns.ts';
import type { NamedEndpoint, NamedNetwork } from '../zone.ts';

/** What the daemon asks of the thread that DNS runs on; each order is answered, in any order. */
export type Order =
  /** Before any other. */
  | { readonly order: 'start'; readonly names: NamesEnd }
  | { readonly order: 'listen'; readonly gateways: readonly Gateway[] }
  | { readonly order: 'status' }
  | { readonly order: 'dump' }
  | { readonly order: 'refresh' }
  /** After everything was sent anew. */
  | { readonly order: 'resync' }
  | { readonly order: 'lookup'; readonly containerId: string; readonly name: string }
  | { readonly order: 'metrics' }
  | { readonly order: 'close' };

export type Asked = Order & { readonly id: number };

export type Told =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly kind: ErrorKind; readonly message: string } }
  /** A line of the log. */
  | { readonly line: string };

export interface Names {
  /** All there is: what is not in it is gone. */
  readonly full: boolean;
  readonly changes: readonly NameChange[];
}

/** How one network's names changed; `network` is undefined once it is gone. */
export interface NameChange {
  readonly networkId: string;
  readonly network: NamedNetwork | undefined;
  readonly put: readonly NamedEndpoint[];
  /** Ids of endpoints. */
  readonly removed: readonly string[];
}

/** What the thread begins with. */
export interface Beginning {
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
