import type { FastifyRequest } from 'fastify';
import { FairleadError } from '../../lib/errors.ts';
import { parseBool } from '../../lib/go-bool.ts';

/** The query as clients sent it; of a repeated parameter `get` gives the first, as Go does. */
export function queryOf(request: Pick<FastifyRequest, 'originalUrl'>): URLSearchParams {
  const url = request.originalUrl;
  const question = url.indexOf('?');
  return new URLSearchParams(question < 0 ? '' : url.slice(question + 1));
}

/** The Engine's httputils.BoolValue: everything but these is true. */
export function flagOf(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)?.trim().toLowerCase() ?? '';
  return !['', '0', 'no', 'false', 'none'].includes(value);
}

/** Go's strconv.ParseBool. @throws invalid, in the Engine's words (docker-facts 5.3 #44) */
export function strictFlagOf(query: URLSearchParams, name: string): boolean {
  const value = query.get(name) ?? '';
  const flag = value === '' ? false : parseBool(value);
  if (flag !== undefined) return flag;
  throw new FairleadError(
    'invalid',
    `invalid value for ${name}: ${value}: strconv.ParseBool: parsing "${value}": invalid syntax`,
  );
}

/** A whole number. @throws invalid, in Go's words */
export function numberOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name) ?? '';
  if (value === '') return undefined;
  if (/^[+-]?\d{1,15}$/.test(value)) return Number(value);
  throw new FairleadError('invalid', `strconv.Atoi: parsing "${value}": invalid syntax`);
}

/** Unix time in seconds, with a fraction or without; undefined when absent. @throws invalid, in Go's words */
export function timeOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name) ?? '';
  if (value === '') return undefined;
  if (/^-?\d{1,12}(\.\d{1,9})?$/.test(value)) return Number(value);
  const date = /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : Number.NaN;
  if (!Number.isNaN(date)) return date / 1000;
  throw new FairleadError('invalid', `strconv.ParseInt: parsing "${value}": invalid syntax`);
}
