import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../kvstore/local/memory.ts';
import type { StoreStatus } from '../../../kvstore/store.ts';
import { StoreGate } from '../../../src/cluster/store-gate.ts';
import { FairleadError } from '../../../src/lib/errors.ts';
import { MovableClock } from '../../../src/testing/node/movable-clock.ts';
import { withFault } from '../../rig/with-fault.ts';

const graceMs = 10_000;
let lines: string[];
let status: StoreStatus;
let clock: MovableClock;
let gate: StoreGate;

beforeEach(() => {
  lines = [];
  clock = new MovableClock();
  status = { name: 'etcd:h:1', reachable: true, since: 0 };
  const global = withFault(new MemoryStore(), { status: () => status });
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  gate = new StoreGate({ local: new MemoryStore(), global }, log, graceMs, clock);
});

describe('the KV store', () => {
  it('is shut until this node has joined it, the local store never is', async () => {
    expect(() => gate.reachable('global')).toThrow(
      'kv store etcd:h:1 cannot be used: this node is about to join',
    );
    expect(gate.status('local').reachable).toBe(true);
    await gate.open(async () => {});
    expect(gate.reachable('global').status()).toBe(status);
    expect(gate.complaint('global')).toBe('kv store etcd:h:1 has not completed its first sync');
  });

  it('that is away is named with since when and why', async () => {
    await gate.open(async () => {});
    status = { ...status, reachable: false, since: Date.UTC(2026, 0, 2), reason: 'connect ECONNREFUSED' };
    expect(() => gate.reachable('global')).toThrow(
      expect.objectContaining({
        kind: 'unavailable',
        message: 'kv store etcd:h:1 is unreachable since 2026-01-02T00:00:00.000Z: connect ECONNREFUSED',
      }),
    );
  });

  it('that refuses this program stays shut, and the log has that once, with the stack', async () => {
    const refuse = () => gate.open(() => Promise.reject(new FairleadError('invalid', 'schema 2')));
    for (let round = 0; round < 3; round++) await expect(refuse()).rejects.toThrow('schema 2');
    expect(gate.complaint('global')).toBe('kv store etcd:h:1 cannot be used: schema 2');
    const [line = '{}', ...more] = lines;
    expect(more).toEqual([]);
    expect(JSON.parse(line)).toMatchObject({
      msg: 'kv store etcd:h:1 cannot be used: schema 2',
      err: { message: 'schema 2', stack: expect.stringContaining('store-gate.test.ts') },
    });
  });
});

describe('the end of a lease is doubted', () => {
  it('of this node for a while after its start, of others not', async () => {
    expect([gate.doubts('self'), gate.doubts('other')]).toEqual([true, false]);
    await clock.advance(graceMs);
    expect(gate.doubts('self')).toBe(false);
  });

  it('while the store is away, and for a while after an outage', async () => {
    await clock.advance(graceMs);
    status = { ...status, reachable: false, since: clock.now() };
    expect(gate.doubts('other')).toBe(true);
    status = { ...status, reachable: true, since: clock.now() };
    expect(gate.doubts('other')).toBe(true);
    await clock.advance(graceMs);
    expect(gate.doubts('other')).toBe(false);
  });

  it('for a while after this living node has lost its own', async () => {
    gate.doubt();
    expect(gate.doubts('other')).toBe(true);
    await clock.advance(graceMs);
    expect(gate.doubts('other')).toBe(false);
  });
});
