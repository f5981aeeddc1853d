import { EtcdLeaseInvalidError } from 'etcd3';
import { FairleadError, messageOf } from '../src/lib/errors.ts';
import { Gap, LeaseGone } from './backend.ts';

/** gRPC's number and name of a status, before its message. */
const status = /^\d+ [A-Z_]+: /;

/** Nothing came within the deadline; a server that refuses, or an end of the connection, is an answer. */
export function noAnswer(error: unknown): boolean {
  return /DEADLINE_EXCEEDED|no answer/.test(messageOf(error));
}

/** What an error of etcd3 or gRPC means, in words for people. */
export function plainError(error: unknown): Error {
  if (error instanceof FairleadError || error instanceof Gap || error instanceof LeaseGone) return error;
  if (error instanceof EtcdLeaseInvalidError) return new FairleadError('unavailable', 'the lease has ended');
  const message = messageOf(error);
  if (noAnswer(error)) return new Error('no answer in time', { cause: error });
  if (/Channel closed|Connection dropped/.test(message))
    return new Error('the connection was lost', { cause: error });
  return new Error(message.replace(status, '').replace('etcdserver: ', ''), { cause: error });
}
