import { isAddress } from '../lib/addresses.ts';
import { FairleadError } from '../lib/errors.ts';
import { isHostName } from '../lib/host-name.ts';
import { visible } from '../lib/plain-text.ts';

export interface ExtraHost {
  readonly name: string;
  readonly address: string;
}

/** Stands for the address at which a container reaches its host. */
export const hostGateway = 'host-gateway';

/**
 * `name:address` or `name=address`, where an IPv6 address may be in brackets, as the Engine takes it (opts.ValidateExtraHost).
 * @throws invalid, in the Engine's words
 */
export function parseExtraHost(text: string): ExtraHost {
  const [, name = '', given = ''] = /^([^=:]+)[=:](.+)$/s.exec(text) ?? [];
  if (!isHostName(name)) throw new FairleadError('invalid', `bad format for add-host: "${visible(text)}"`);
  const address = given.replace(/^\[(.+)\]$/, '$1');
  if (address === hostGateway || isAddress(address)) return { name, address };
  throw new FairleadError('invalid', `invalid IP address in add-host: "${visible(given)}"`);
}
