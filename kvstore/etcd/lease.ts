import type { Etcd3 } from 'etcd3';
import { callTimeout, type Grant, LeaseGone } from '../remote/backend.ts';
import { endStream } from './watch.ts';

type OnAny = <T>(call: (client: Etcd3) => Promise<T>) => Promise<T>;

/**
 * Without etcd3's Lease, which reports a loss only after twice the TTL and by the wall clock. Each renewal
 * is a stream of its own, so none outlives the server that it was opened to.
 */
export async function grantEtcdLease(onAny: OnAny, ttlSeconds: number): Promise<Grant> {
  const { ID: id } = await onAny((client) => client.leaseClient.leaseGrant({ TTL: ttlSeconds }));
  return etcdLease(onAny, id);
}

export function etcdLease(onAny: OnAny, id: string): Grant {
  return {
    id,
    ticket: id,
    renew: () => onAny((client) => renew(client, id)),
    revoke: async () => {
      await onAny((client) => client.leaseClient.leaseRevoke({ ID: id }));
    },
    abandon: async () => {},
  };
}

async function renew(client: Etcd3, id: string): Promise<void> {
  const stream = await client.leaseClient.leaseKeepAlive({ deadline: Date.now() + callTimeout });
  try {
    const ttl = await new Promise<string>((resolve, reject) => {
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('the server ended the keep-alive')));
      stream.on('data', (response) => resolve(response.TTL));
      stream.write({ ID: id });
    });
    if (ttl === '0') throw new LeaseGone(`lease ${id} has ended`);
  } finally {
    endStream(stream);
  }
}
