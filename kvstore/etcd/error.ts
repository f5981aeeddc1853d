import { EtcdLeaseInvalidError } from 'etcd3';
import { FairleadError, messageOf } from '../../src/lib/errors.ts';
import { Gap, LeaseGone } from '../remote/backend.ts';
import { type RefusalReason, StoreRefusal } from '../store.ts';

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

/** A watch that etcd ends at once for its login: of the token of a server that has restarted it says the same. */
export class WatchDenied extends Error {
  override readonly name = 'WatchDenied';
}

/** The login that the call was made with is not known any more: another one may be. Nothing was done. */
export function isStaleLogin(error: unknown): boolean {
  return (
    error instanceof WatchDenied || /invalid auth token|revision of auth store is old/.test(messageOf(error))
  );
}

/** etcd's words for a no (api/v3rpc/rpctypes/error.go). */
const refusals: readonly (readonly [text: RegExp, reason: RefusalReason, advice: string])[] = [
  [/database space exceeded/, 'full', 'compact and defragment it, then "etcdctl alarm disarm"'],
  [
    /permission denied|user name is empty|user name not found|authentication failed|authentication is not enabled|invalid auth token|revision of auth store is old/,
    'unauthorised',
    'check user and password in --kv-store-opt, and the role of the user',
  ],
];

/** What an error of etcd3 or gRPC means, in words for people; the error itself is its cause. */
export function plainError(error: unknown): Error {
  if (error instanceof FairleadError || error instanceof Gap || error instanceof LeaseGone) return error;
  if (error instanceof EtcdLeaseInvalidError) return new FairleadError('unavailable', 'the lease has ended');
  const message = messageOf(error);
  if (noAnswer(error)) return new Error('no answer in time', { cause: error });
  const own = message.replace(status, '').replace('etcdserver: ', '');
  const refusal = refusals.find(([one]) => one.test(own));
  if (refusal) return new StoreRefusal(refusal[1], `${own}: ${refusal[2]}`, { cause: error });
  const [text, plain] = plainTexts.find(([one]) => one.test(own)) ?? [];
  return new Error(text && plain ? own.replace(text, plain) : own, { cause: error });
}
