import { messageOf } from '../../lib/errors.ts';
import { defaultHostAddress, type HostAddress, parseHostAddress } from '../../lib/host-address.ts';
import { UsageError } from '../failure.ts';
import type { Shell } from '../shell.ts';
import type { Endpoint } from './connect.ts';

/**
 * `-H`, else FAIRLEAD_HOST, else the default socket. DOCKER_HOST is not looked at: with the drop-in on the
 * PATH it still names the real Engine.
 */
export function chooseEndpoint(host: string | undefined, shell: Pick<Shell, 'env' | 'uid'>): Endpoint {
  const { env, uid } = shell;
  const named = host ?? env.FAIRLEAD_HOST;
  const address = named ? parsed(named) : defaultHostAddress(env, uid);
  const certificates = env.FAIRLEAD_CERT_PATH;
  return certificates ? { address, certificates } : { address };
}

function parsed(text: string): HostAddress {
  try {
    return parseHostAddress(text);
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}
