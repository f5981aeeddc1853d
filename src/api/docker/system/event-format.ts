import type { FastifyRequest } from 'fastify';
import type { DaemonEvent } from '../../../lib/events.ts';
import { isBefore, versionOf } from '../../http/version.ts';

/** How a client is told of events. */
export interface EventFormat {
  readonly contentType: string;
  lineOf(event: DaemonEvent): string;
  /** The same for JSON that is a text already. */
  wrap(json: string): string;
}

/** In the Engine's order; `json-seq` (RFC 7464) has a record separator before each. */
const offered = ['application/jsonl', 'application/x-ndjson', 'application/json-seq'];

/** A type of ours that the client names, whatever its API; else what that API always had. `*` names none. */
export function eventFormat(request: Pick<FastifyRequest, 'originalUrl' | 'headers'>): EventFormat {
  const isOld = isBefore(versionOf(request), '1.52');
  const accepted = (request.headers.accept ?? '')
    .split(',')
    .map((part) => part.split(';')[0]?.trim().toLowerCase());
  const named = accepted.find((type) => type !== undefined && offered.includes(type));
  const contentType = named ?? (isOld ? 'application/json' : 'application/jsonl');
  const mark = contentType === 'application/json-seq' ? '\u001e' : '';
  const wrap = (json: string) => `${mark}${json}\n`;
  return { contentType, wrap, lineOf: (event) => wrap(JSON.stringify(eventShape(event, isOld))) };
}

/** Members in the Engine's order; before 1.52 container events also have those of before 1.22, which clients print from. */
function eventShape({ Type, Action, Actor, scope, time, timeNano }: DaemonEvent, isOld: boolean) {
  const old =
    isOld && Type === 'container' ? { status: Action, id: Actor.ID, from: Actor.Attributes.image ?? '' } : {};
  return { ...old, Type, Action, Actor, scope, time, timeNano };
}
