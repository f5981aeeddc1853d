import { EtcdLeaseInvalidError } from 'etcd3';
import { FairleadError, messageOf } from '../../src/lib/errors.ts';
import { Gap, LeaseGone } from '../remote/backend.ts';

/** gRPC's number and name of a status, before its message. */
const status = /^\d+ [A-Z_]+: /;

/** Nothing came within the deadline; a server that refuses, or an end of the connection, is an answer. */
export function noAnswer(error: unknown): boolean {
  return /DEADLINE_EXCEEDED|no answer/.test(messageOf(error));
}

/** What gRPC says of its own doings, and what of it is left for people; the rest is etcd's text. */
const plainTexts: readonly (readonly [text: RegExp, plain: string])[] = [
  [/^No connection established(?:\. Last error: null.*)?$/s, 'no connection'],
  // As every other client of a server says it: `connect ECONNREFUSED 127.0.0.1:2379`.
  [/^.*No connection established\. Last error: (?:Error: )?(.+?)\.?(?: Resolution note:.*)?$/s, '$1'],
  [/^Name resolution failed for target (?:dns:)?(\S+).*$/s, 'the name of $1 cannot be resolved'],
  [
    /^.*(?:Channel closed|Connection dropped|RST_STREAM|Stream closed|Stream removed).*$/s,
    'the connection was lost',
  ],
];

/** What an error of etcd3 or gRPC means, in words for people; the error itself is its cause. */
export function plainError(error: unknown): Error {
  if (error instanceof FairleadError || error instanceof Gap || error instanceof LeaseGone) return error;
  if (error instanceof EtcdLeaseInvalidError) return new FairleadError('unavailable', 'the lease has ended');
  const message = messageOf(error);
  if (noAnswer(error)) return new Error('no answer in time', { cause: error });
  const own = message.replace(status, '').replace('etcdserver: ', '');
  const [text, plain] = plainTexts.find(([one]) => one.test(own)) ?? [];
  return new Error(text && plain ? own.replace(text, plain) : own, { cause: error });
}
