import type { Endpoint } from '../cluster/records.ts';
import type { Container, ContainerSpec } from '../container/runtime.ts';
import { shortId } from '../lib/ids.ts';

type SettingsOwner = Pick<Container, 'id'> & { readonly spec: Pick<ContainerSpec, 'hostname' | 'dns'> };

/** What an endpoint's record tells DNS of its container's own settings. An Engine says the short id where no name was given. */
export function dnsSettingsOf({ id, spec: { hostname, dns } }: SettingsOwner) {
  const settings: Pick<Endpoint, 'hostname' | 'servers'> = {
    ...(hostname !== '' && hostname !== shortId(id) ? { hostname } : {}),
    ...(dns.length > 0 ? { servers: [...dns] } : {}),
  };
  return settings;
}
