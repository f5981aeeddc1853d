import { dialectOf, splitVersion } from '../http/version.ts';

/** What of the Engine API is about networks and services, or about the daemon itself. */
const ours = /^\/(_ping|version|info|events|networks|apps|metrics|fairlead)(\/|\?|$)/;
const listsServices = /^\/services(\/[^/?]+)?\/?(\?|$)/;
const creates = /^\/containers\/create\/?(\?|$)/;

/**
 * Whether a call is one for the Engine behind us, to be handed on as it is: all that is not about networks. A
 * create is looked into, for services that it publishes.
 */
export function isForEngine(method: string, url: string): boolean {
  const { version, path } = splitVersion(url);
  if (ours.test(path) || dialectOf(method, path, version) === 'experimental') return false;
  if (method === 'GET' && listsServices.test(path)) return false;
  return !(method === 'POST' && creates.test(path));
}
