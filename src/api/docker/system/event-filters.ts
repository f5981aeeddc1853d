import type { DaemonEvent } from '../../../lib/events.ts';
import { type Filters, matchesExactly, matchesLabels } from '../filters.ts';

/** Which events a client wants; keys that mean nothing here are ignored, as in the Engine (docker-facts 5.4). */
export function eventSelector(filters: Filters): (event: DaemonEvent) => boolean {
  return (event) =>
    matchesExactly(filters, 'type', event.Type) &&
    matchesAction(filters, event.Action) &&
    matchesExactly(filters, 'scope', event.scope) &&
    matchesLabels(filters, event.Actor.Attributes) &&
    matchesObject(filters, event, 'container') &&
    matchesObject(filters, event, 'network') &&
    matchesObject(filters, event, 'service') &&
    matchesObject(filters, event, 'node') &&
    matchesObject(filters, event, 'daemon') &&
    matchesImage(filters, event);
}

/** `exec_create` also fits `exec_create: sh`. */
function matchesAction(filters: Filters, action: string): boolean {
  return (
    matchesExactly(filters, 'event', action) || matchesExactly(filters, 'event', action.split(':')[0] ?? '')
  );
}

/** By id, name, or a prefix of either; a `container` filter also wants the network events that concern it. */
function matchesObject(filters: Filters, event: DaemonEvent, type: DaemonEvent['Type']): boolean {
  const wanted = filters.get(type) ?? [];
  if (wanted.length === 0) return true;
  const { ID, Attributes } = event.Actor;
  const texts = event.Type === type ? [ID, Attributes.name ?? ''] : [Attributes[type] ?? ''];
  return texts.some((text) => text !== '' && wanted.some((prefix) => text.startsWith(prefix)));
}

function matchesImage(filters: Filters, { Type, Actor }: DaemonEvent): boolean {
  return (
    (filters.get('image') ?? []).length === 0 ||
    (Type === 'container' && matchesExactly(filters, 'image', Actor.Attributes.image ?? ''))
  );
}
