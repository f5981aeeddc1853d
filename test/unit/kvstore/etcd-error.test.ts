import { describe, expect, it } from 'vitest';
import { plainError } from '../../../kvstore/etcd/error.ts';

describe('what etcd or gRPC said', () => {
  it.each([
    [
      '14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:2379. Resolution note: ',
      'connect ECONNREFUSED 127.0.0.1:2379',
    ],
    ['14 UNAVAILABLE: No connection established. Last error: null. Resolution note: ', 'no connection'],
    ['14 UNAVAILABLE: No connection established', 'no connection'],
    [
      '14 UNAVAILABLE: Name resolution failed for target dns:etcd.example:2379',
      'the name of etcd.example:2379 cannot be resolved',
    ],
    ['14 UNAVAILABLE: Connection dropped', 'the connection was lost'],
    ['13 INTERNAL: Received RST_STREAM with code 2 (Internal server error)', 'the connection was lost'],
    ['1 CANCELLED: Stream closed before sending status', 'the connection was lost'],
    ['4 DEADLINE_EXCEEDED: Deadline exceeded after 2.9s', 'no answer in time'],
    ['14 UNAVAILABLE: etcdserver: no leader', 'no leader'],
    [
      '16 UNAUTHENTICATED: etcdserver: invalid auth token',
      'invalid auth token: check user and password in --kv-store-opt, and the role of the user',
    ],
    [
      '8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded',
      'mvcc: database space exceeded: compact and defragment it, then "etcdctl alarm disarm"',
    ],
  ])('%s', (said, plain) => {
    const told = plainError(new Error(said));
    expect(told.message).toBe(plain);
    expect(told.cause).toEqual(new Error(said));
  });
});
