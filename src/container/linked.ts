import { parseLink } from '../cluster/endpoints/links.ts';
import { withoutPrefix } from '../lib/addresses.ts';
import { shortId } from '../lib/ids.ts';
import type { Attachment, Container } from './container.ts';

/** A container that another one has linked on the default network, by an alias. */
export interface Linked {
  readonly alias: string;
  readonly target: Container;
  readonly address: string;
}

/** Where `--link` is the container's own and means a line in /etc/hosts and variables, as the Engine's has been since 2013. */
export function linkedPlace({ spec, attachments }: Container): Attachment | undefined {
  const { networkMode } = spec;
  const isDefault = networkMode.kind === 'network' && ['bridge', 'default'].includes(networkMode.network);
  const [place] = attachments;
  return isDefault && place?.links && place.links.length > 0 ? place : undefined;
}

/** Those that run on the same network now. */
export function linkedBy(container: Container, all: readonly Container[]): readonly Linked[] {
  const place = linkedPlace(container);
  return (place?.links ?? []).map(parseLink).flatMap(({ target: ref, alias }) => {
    const target = all.find(({ id }) => id.startsWith(ref));
    const address = target && addressOn(target, place?.network ?? '');
    return target && address ? [{ alias, target, address }] : [];
  });
}

/** Of a running container. */
export function addressOn({ state, attachments }: Container, network: string): string | undefined {
  if (state.status !== 'running') return undefined;
  const endpoint = attachments.find((one) => one.network === network && one.endpoint)?.endpoint;
  return endpoint?.ipv4 === undefined ? undefined : withoutPrefix(endpoint.ipv4);
}

/** `ADDRESS  ALIAS HOSTNAME NAME` in a hosts file. */
export function hostsOf({ alias, target: { id, name, spec }, address }: Linked) {
  return { address, names: [...new Set([alias, spec.hostname || shortId(id), name])] };
}
