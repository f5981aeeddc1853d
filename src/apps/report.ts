import { withoutPrefix } from '../lib/addresses.ts';
import type { AppContainer } from './labels.ts';
import { computedValue, globalNames, propertyNames } from './properties.ts';
import { defaultPort, type Properties } from './records.ts';

/** The flags of `network:report`, without their dashes in front: `network-tld` → value. Sorted. */
export type Report = Readonly<Record<string, string>>;

/** What `network:report --global` shows: no app, so only what would be computed. Pure. */
export function globalReport(global: Properties): Report {
  return sorted(computedFlags({}, global));
}

export function appReport(app: Properties, global: Properties, web: readonly AppContainer[]): Report {
  const own = propertyNames.map((name): [string, string] => [`network-${name}`, app[name] ?? '']);
  const listeners: [string, string] = ['network-web-listeners', webListeners(app, web)];
  return sorted([...own, ...computedFlags(app, global), listeners]);
}

/** The listener that a person named stands in for all that there are. */
function webListeners(app: Properties, web: readonly AppContainer[]): string {
  return app['static-web-listener'] || web.flatMap((one) => listenerOf(one) ?? []).join(' ');
}

/** Containers of a Dokku host need not expose what they listen on, but all are told it. */
function listenerOf({ container }: AppContainer): string | undefined {
  if (container.state.status !== 'running') return undefined;
  const { networkMode, exposedPorts } = container.spec;
  const exposed = exposedPorts.find(({ protocol }) => protocol === 'tcp')?.port;
  const port = toldPort(container.spec.env) ?? exposed ?? defaultPort;
  if (networkMode.kind === 'host') return `127.0.0.1:${port}`;
  const place = container.memberships.find(({ joined }) => joined?.ipv4);
  return place?.joined?.ipv4 && `${withoutPrefix(place.joined.ipv4)}:${port}`;
}

/** What PORT says, the last one as for the program itself. */
function toldPort(env: readonly string[]): number | undefined {
  const told = env.flatMap((variable) => /^PORT=(\d{1,5})$/.exec(variable)?.[1] ?? []).at(-1);
  return told === undefined ? undefined : Number(told);
}

function computedFlags(app: Properties, global: Properties): [string, string][] {
  return globalNames.flatMap((name): [string, string][] => [
    [`network-computed-${name}`, computedValue(app, global, name)],
    [`network-global-${name}`, global[name] ?? ''],
  ]);
}

function sorted(flags: readonly (readonly [string, string])[]): Report {
  return Object.fromEntries([...flags].sort(([a], [b]) => (a < b ? -1 : 1)));
}
