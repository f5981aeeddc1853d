import type { Container } from '../../container/runtime.ts';
import { withContext } from '../../lib/errors.ts';
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

/** What a kill needs. @throws what `find` says, as the Engine says it of a kill */
export function toKill(ref: string, find: () => [Container, number]): [Container, number] {
  try {
    return find();
  } catch (error) {
    throw withContext(`cannot kill container: ${ref}`, error);
  }
}

/** How long it has run, in whole seconds. */
export function lasted({ state: { startedAt, finishedAt } }: Container): string {
  return String(Math.max(0, Math.floor((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000)));
}
