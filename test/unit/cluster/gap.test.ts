import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryStore } from '../../../kvstore/local/memory.ts';
import type { Entry, Store, WatchEvent } from '../../../kvstore/store.ts';
import { EndpointFolders } from '../../../src/cluster/folders/endpoint-folders.ts';
import { folders, keys } from '../../../src/cluster/keys.ts';
import type { Endpoint } from '../../../src/cluster/records.ts';
import { Channel } from '../../../src/lib/channel.ts';
import { newId } from '../../../src/lib/ids.ts';
import { silentLogger } from '../../../src/lib/log.ts';

/** A server that answers and tells what the test says. */
class FakeServer {
  readonly channel = new Channel<WatchEvent>();
  entries: Entry[] = [];
  reachable = true;

  readonly store: Store = Object.assign(new MemoryStore(), {
    watch: () => this.channel,
    list: async (prefix: string) => {
      if (!this.reachable) throw new Error('away');
      return this.entries.filter(({ key }) => key.startsWith(prefix));
    },
    status: () => ({ name: 'fake', reachable: this.reachable, since: 0 }),
  });

  /** What a watch gives after a gap. */
  snapshot(prefix: string): void {
    this.channel.push({
      type: 'snapshot',
      entries: this.entries.filter(({ key }) => key.startsWith(prefix)),
    });
  }
}

const [networkId, self, other] = [newId(), newId(), newId()];
const endpointOf = (nodeId: string): Endpoint => ({
  id: newId(),
  networkId,
  nodeId,
  containerId: newId(),
  containerName: 'c',
  name: 'c',
  created: '2026-01-01T00:00:00Z',
  aliases: [],
  ports: [],
  healthy: true,
});
const entryOf = (endpoint: Endpoint, version = '1'): Entry => ({
  key: keys.endpoint(networkId, endpoint.id),
  value: JSON.stringify(endpoint),
  version,
});
const node = (id: string): Entry => ({ key: keys.node(id), value: '{}', version: '1' });
const [ours, theirs] = [endpointOf(self), endpointOf(other)];
const prefix = folders.endpointsOf(networkId);
const graceMs = 15_000;

describe('endpoints after a gap', () => {
  let server: FakeServer;
  let seen: EndpointFolders;
  let doubts: boolean;
  const names = () =>
    seen
      .of(networkId)
      .map(({ nodeId }) => (nodeId === self ? 'ours' : 'theirs'))
      .sort();
  const gap = async (...entries: Entry[]) => {
    server.entries = entries;
    server.snapshot(prefix);
    await vi.advanceTimersByTimeAsync(1);
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    server = new FakeServer();
    doubts = false;
    seen = new EndpointFolders(new MemoryStore(), {
      ...{ log: silentLogger, nodeId: self, graceMs, doubts: () => doubts, onChange: () => {} },
    });
    const following = seen.follow(server.store, networkId);
    await gap(node(self), node(other), entryOf(ours), entryOf(theirs));
    await following;
    expect(names()).toEqual(['ours', 'theirs']);
  });
  afterEach(async () => {
    vi.useRealTimers();
    await seen.stop();
  });

  it('that are missing while their node is there are gone at once', async () => {
    await gap(node(self), node(other), entryOf(ours));
    expect(names()).toEqual(['ours']);
  });

  it('that are missing with their node are shown for the grace, and then no longer', async () => {
    await gap(node(self), entryOf(ours));
    expect(names()).toEqual(['ours', 'theirs']);
    await vi.advanceTimersByTimeAsync(graceMs - 100);
    expect(names()).toEqual(['ours', 'theirs']);
    await vi.advanceTimersByTimeAsync(200);
    expect(names()).toEqual(['ours']);
  });

  it('that come back in time were never away', async () => {
    await gap();
    server.channel.push({ type: 'changes', changes: [{ op: 'put', entry: entryOf(theirs, '2') }] });
    await vi.advanceTimersByTimeAsync(2 * graceMs);
    expect(names()).toEqual(['ours', 'theirs']);
  });

  it('of this node stay until it takes them away itself', async () => {
    await gap(node(other), entryOf(theirs));
    await vi.advanceTimersByTimeAsync(10 * graceMs);
    expect(names()).toEqual(['ours', 'theirs']);
    expect(seen.stored(networkId, ours.id)).toBeUndefined();
    seen.withhold(ours);
    expect(names()).toEqual(['theirs']);
  });

  it('are not given up while the store is away again', async () => {
    await gap(node(self), entryOf(ours));
    server.reachable = false;
    await vi.advanceTimersByTimeAsync(5 * graceMs);
    expect(names()).toEqual(['ours', 'theirs']);
    server.reachable = true;
    await vi.advanceTimersByTimeAsync(graceMs + 100);
    expect(names()).toEqual(['ours']);
  });

  it('a deletion that is told is believed, gap or no gap', async () => {
    await gap();
    server.channel.push({ type: 'changes', changes: [{ op: 'delete', key: entryOf(theirs).key }] });
    await vi.advanceTimersByTimeAsync(1);
    expect(names()).toEqual(['ours']);
  });

  it('the end of a lease is not believed after an outage, when its node may put them again; a leave is', async () => {
    doubts = true;
    server.entries = [node(self), entryOf(ours)];
    server.channel.push({ type: 'changes', changes: [{ op: 'delete', key: entryOf(theirs).key }] });
    await vi.advanceTimersByTimeAsync(graceMs - 100);
    expect(names()).toEqual(['ours', 'theirs']);
    await vi.advanceTimersByTimeAsync(200);
    expect(names()).toEqual(['ours']);
    server.channel.push({ type: 'changes', changes: [{ op: 'put', entry: entryOf(theirs, '2') }] });
    server.entries = [node(self), node(other), entryOf(ours)];
    server.channel.push({ type: 'changes', changes: [{ op: 'delete', key: entryOf(theirs).key }] });
    await vi.advanceTimersByTimeAsync(1);
    expect(names()).toEqual(['ours']);
  });

  it('of a container that has left stay hidden, until another has its place', async () => {
    seen.withhold(ours);
    expect(names()).toEqual(['theirs']);
    await gap(node(self), node(other), entryOf(ours, '2'), entryOf(theirs));
    expect(names()).toEqual(['theirs']);
    const successor = { ...ours, containerId: newId() };
    server.channel.push({ type: 'changes', changes: [{ op: 'put', entry: entryOf(successor, '3') }] });
    await vi.advanceTimersByTimeAsync(1);
    expect(names()).toEqual(['ours', 'theirs']);
  });
});
