import type { HostAddress } from '../../lib/host-address.ts';
import type { Client } from './client.ts';
import type { ClientTls } from './tls.ts';

/** Gives the client of the daemon that the command line or the environment names. */
export type Connect = () => Promise<Client>;

/** How to reach a daemon. */
export interface Endpoint {
  readonly address: HostAddress;
  /** Absent: clear text. */
  readonly tls?: ClientTls;
}
