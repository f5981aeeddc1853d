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
 * What a user types and what records have: `name:address` or `name=address`, where an address may be in brackets, as
 * Docker's CLI takes it (opts.ValidateExtraHost). @throws invalid, in its words
 */
export function parseExtraHost(text: string): ExtraHost {
  const [, name = '', given = ''] = /^([^=:]+)(?:=|:)(.*)$/s.exec(text) ?? [];
  if (!isHostName(name)) throw badFormat(text);
  const address = given.replace(/^\[(.+)\]$/s, '$1');
  if (address === hostGateway || isAddress(address)) return { name, address };
  throw badAddress(address);
}

/** What a request has: `name:address`. The Engine knows neither the other separator nor brackets. @throws invalid, as there */
export function requireExtraHost(text: string): void {
  const { name, address } = parseExtraHost(text);
  if (text === extraHostText({ name, address })) return;
  throw text.startsWith(`${name}:`) ? badAddress(text.slice(name.length + 1)) : badFormat(text);
}

export function extraHostText({ name, address }: ExtraHost): string {
  return `${name}:${address}`;
}

function badFormat(text: string): FairleadError {
  return new FairleadError('invalid', `bad format for add-host: "${visible(text)}"`);
}

function badAddress(text: string): FairleadError {
  return new FairleadError('invalid', `invalid IP address in add-host: "${visible(text)}"`);
}
