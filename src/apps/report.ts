import { computedValue, globalNames, type PropertyName, propertyNames } from './properties.ts';
import type { Properties } from './records.ts';

/** The flags of `network:report`, without their dashes in front: `network-tld` → value. Sorted. */
export type Report = Readonly<Record<string, string>>;

/** What `network:report --global` shows: no app, so only what would be computed. Pure. */
export function globalReport(global: Properties): Report {
  return sorted(computedFlags({}, global));
}

/** A listener set by the user replaces `listeners`, the found ones. */
export function appReport(app: Properties, global: Properties, listeners: readonly string[]): Report {
  const own = propertyNames.map((name): [string, string] => [`network-${name}`, ownValue(app, global, name)]);
  const shown = app['static-web-listener'] || listeners.join(' ');
  return sorted([...own, ...computedFlags(app, global), ['network-web-listeners', shown]]);
}

function computedFlags(app: Properties, global: Properties): [string, string][] {
  return globalNames.flatMap((name): [string, string][] => [
    [`network-computed-${name}`, computedValue(app, global, name)],
    [`network-global-${name}`, computedValue({}, global, name)],
  ]);
}

/** The default shows where nobody has said anything, as on Dokku's page; beside a global value it would look like a choice. */
function ownValue(app: Properties, global: Properties, name: PropertyName): string {
  return app[name] || (global[name] ? '' : computedValue({}, {}, name));
}

function sorted(flags: readonly (readonly [string, string])[]): Report {
  return Object.fromEntries([...flags].sort(([a], [b]) => (a < b ? -1 : 1)));
}
