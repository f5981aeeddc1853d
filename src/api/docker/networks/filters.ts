import type { Network } from '../../../cluster/records.ts';
import { FairleadError } from '../../../lib/errors.ts';
import {
  booleanFilter,
  type Filters,
  matcher,
  matchesExactly,
  matchesLabels,
  requireKnown,
} from '../filters.ts';

const known = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type'];
const builtin = ['bridge', 'host', 'none'];

/** The filters of GET /networks (docker-facts 5.2). @throws invalid */
export function selectNetworks(filters: Filters, networks: readonly Network[]): readonly Network[] {
  requireKnown(filters, known);
  const dangling = booleanFilter(filters, 'dangling');
  const byName = matcher(
    filters,
    'name',
    networks.map(({ name }) => name),
  );
  const byId = matcher(
    filters,
    'id',
    networks.map(({ id }) => id),
  );
  const byType = typeFilter(filters);
  return networks.filter(
    (network) =>
      byName(network.name) &&
      byId(network.id) &&
      byType(network) &&
      matchesExactly(filters, 'driver', network.driver) &&
      matchesExactly(filters, 'scope', network.scope) &&
      matchesLabels(filters, network.labels) &&
      // The list route does not look at containers: every custom network dangles.
      (dangling === undefined || dangling === !isBuiltin(network)),
  );
}

function typeFilter(filters: Filters): (network: Network) => boolean {
  const types = filters.get('type') ?? [];
  const bad = types.find((type) => type !== 'custom' && type !== 'builtin');
  if (bad !== undefined) throw new FairleadError('invalid', `invalid filter: 'type'='${bad}'`);
  return (network) => types.length === 0 || types.includes(isBuiltin(network) ? 'builtin' : 'custom');
}

function isBuiltin({ name }: Network): boolean {
  return builtin.includes(name);
}
