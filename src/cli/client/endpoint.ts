import { messageOf } from '../../lib/errors.ts';
import { defaultHostAddress, type HostAddress, parseHostAddress } from '../../lib/host-address.ts';
import { UsageError } from '../failure.ts';
import type { Shell } from '../shell.ts';
import { Client } from './client.ts';
import { type ClientTls, chooseTls, type TlsFlags } from './tls.ts';

/** How to reach a daemon. */
export interface Endpoint {
  readonly address: HostAddress;
  /** Absent: clear text. */
  readonly tls?: ClientTls;
}

/** The command line's flags that choose the daemon. */
export interface DaemonFlags {
  /** The value of -H; empty when it was not given. */
  readonly host: string;
  readonly tls: TlsFlags;
}

/** Nothing: the environment decides. */
export const noDaemonFlags: DaemonFlags = { host: '', tls: {} };

/**
 * `-H`, else FAIRLEAD_HOST, else the default socket. DOCKER_HOST is not looked at: with the drop-in on the
 * PATH it still names the real Engine.
 */
export function chooseEndpoint(
  { host, tls: flags }: DaemonFlags,
  shell: Pick<Shell, 'env' | 'uid' | 'program'>,
): Endpoint {
  const { env, uid } = shell;
  const named = host || env.FAIRLEAD_HOST;
  const address = named ? parsed(named) : defaultHostAddress(env, uid);
  const tls = chooseTls(flags, address, shell);
  return tls ? { address, tls } : { address };
}

/** The client of the daemon that the command line or the environment names. */
export function clientFor(daemon: DaemonFlags, shell: Pick<Shell, 'env' | 'uid' | 'program'>): Client {
  return new Client(() => chooseEndpoint(daemon, shell));
}

function parsed(text: string): HostAddress {
  try {
    return parseHostAddress(text);
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}
