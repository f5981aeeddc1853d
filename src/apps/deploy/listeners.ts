import type { Attachment, Container } from '../../container/runtime.ts';
import { withoutPrefix } from '../../lib/addresses.ts';
import type { Networks } from '../../network/model.ts';
import { defaultPort } from '../records.ts';
import { isCalled } from './placement.ts';

/** ADDRESS:PORT where a container answers; undefined while it does not. */
export function listenerOf(container: Container, networks: Networks): string | undefined {
  if (container.state.status !== 'running') return undefined;
  const port = portOf(container);
  if (container.spec.networkMode.kind === 'host') return `127.0.0.1:${port}`;
  const address = firstPlace(container, networks)?.endpoint?.ipv4;
  return address && `${withoutPrefix(address)}:${port}`;
}

/** Containers of a Dokku host need not expose their port, but all have PORT. */
function portOf({ spec: { env, exposedPorts } }: Container): number {
  // The last one, as for the program itself.
  const port = env.flatMap((variable) => /^PORT=(\d{1,5})$/.exec(variable)?.[1] ?? []).at(-1);
  if (port !== undefined) return Number(port);
  return exposedPorts.find(({ protocol }) => protocol === 'tcp')?.port ?? defaultPort;
}

/** On the network that it was made with: an Engine lists a container's networks in no order. */
function firstPlace({ spec, attachments }: Container, networks: Networks): Attachment | undefined {
  const { networkMode: mode } = spec;
  const made = attachments.filter(({ endpoint }) => endpoint?.ipv4);
  const network = mode.kind === 'network' && networks.list().find((one) => isCalled(one, mode.network));
  return (network && made.find((place) => isCalled(network, place.network))) || made[0];
}
