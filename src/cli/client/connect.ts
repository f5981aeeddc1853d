import type { HostAddress } from '../../lib/host-address.ts';
import type { ClientTls } from './tls.ts';

/** How to reach a daemon. */
export interface Endpoint {
  readonly address: HostAddress;
  /** Absent: clear text. */
  readonly tls?: ClientTls;
}
