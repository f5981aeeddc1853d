import { withoutPrefix } from '../lib/addresses.ts';
import type { AppContainer } from './labels.ts';
import { computedValue, globalNames, propertyNames } from './properties.ts';
import type { Properties } from './records.ts';

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

/** Containers of a Dokku host may expose nothing: then it is the port of buildpack applications. */
function listenerOf({ container }: AppContainer): string | undefined {
  if (container.state.status !== 'running') return undefined;
  const { networkMode, exposedPorts } = container.spec;
  const port = exposedPorts.find(({ protocol }) => protocol === 'tcp')?.port ?? 5000;
  if (networkMode.kind === 'host') return `127.0.0.1:${port}`;
  const place = container.memberships.find(({ joined }) => joined?.ipv4);
  return place?.joined?.ipv4 && `${withoutPrefix(place.joined.ipv4)}:${port}`;
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
