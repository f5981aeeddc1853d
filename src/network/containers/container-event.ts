import type { Container } from '../../container/container.ts';
import type { NewEvent } from '../../lib/events.ts';

/** An event of a container, with the attributes that the Engine gives each: labels, image and name. */
export function containerEvent(
  { id: ID, name, spec }: Container,
  action: string,
  more: Readonly<Record<string, string>> = {},
): NewEvent {
  const Attributes = { ...spec.labels, image: spec.image, name, ...more };
  return { Type: 'container', Action: action, Actor: { ID, Attributes } };
}
