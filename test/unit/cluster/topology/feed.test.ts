import { describe, expect, it } from 'vitest';
import { Differences } from '../../../../src/cluster/topology/differences.ts';
import { type Change, Feed, type Watched } from '../../../../src/cluster/topology/feed.ts';
import type { NetworkContents, NodeView } from '../../../../src/cluster/topology/views.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { MovableClock } from '../../../../src/testing/node/movable-clock.ts';
import { until } from '../../../rig/until.ts';

const network = (id: string, name: string): NetworkContents => ({
  network: {
    ...{ id, name, driver: 'bridge', scope: 'local', created: '', internal: false, ipv6: false },
    ...{ options: {}, labels: {}, subnets: [], endpoints: 'known' },
  },
  services: [],
  endpoints: [],
});

/** A cluster of networks that the test changes by hand. */
class Model implements Watched {
  readonly networks = new Map<string, string>();
  ready: Promise<void> = Promise.resolve();
  watchers = 0;
  #changed: (ids: string[]) => void = () => {};

  begin(onChange: (networkIds: Iterable<string>, nodeIds: Iterable<string>) => void) {
    this.watchers += 1;
    this.#changed = (ids) => onChange(ids, []);
    const end = () => {
      this.watchers -= 1;
    };
    return { ready: this.ready, end };
  }
  networkIds() {
    return this.networks.keys();
  }
  nodeIds() {
    return [];
  }
  differences(known: Differences, ids: Iterable<string>) {
    return [...ids].flatMap((id) => {
      const name = this.networks.get(id);
      return known.network(id, name === undefined ? undefined : network(id, name));
    });
  }
  put(id: string, name: string) {
    this.networks.set(id, name);
    this.#changed([id]);
  }
  drop(id: string) {
    this.networks.delete(id);
    this.#changed([id]);
  }
}

const actionOf = ({ kind, text }: Change) => {
  const { action, network: { name } = { name: '' } } = JSON.parse(text);
  return kind === 'snapshot' ? 'snapshot' : `${kind} ${action} ${name}`;
};

async function take(reader: AsyncIterator<Change>, count: number): Promise<Change[]> {
  const changes: Change[] = [];
  while (changes.length < count) {
    const { value, done } = await reader.next();
    if (done) break;
    changes.push(value);
  }
  return changes;
}

describe('the feed', () => {
  it('tells a snapshot first, then each change with a number of its own', async () => {
    const model = new Model();
    model.put('a', 'foo');
    const feed = new Feed(model, systemClock);
    const reader = await feed.subscribe();
    model.put('b', 'bar');
    model.put('b', 'bar');
    model.put('a', 'fooo');
    model.drop('b');
    const changes = await take(reader, 4);
    expect(changes.map(actionOf)).toEqual([
      'snapshot',
      'network created bar',
      'network changed fooo',
      'network removed bar',
    ]);
    expect(JSON.parse(changes[0]?.text ?? '').networks).toMatchObject([{ name: 'foo' }]);
    expect(changes.map(({ id }) => id.split('-')[1])).toEqual(['0', '1', '2', '3']);
    feed.close();
    expect((await reader.next()).done).toBe(true);
  });

  it('a reader that comes back misses nothing and gets nothing twice, whenever it left', async () => {
    const model = new Model();
    const feed = new Feed(model, systemClock);
    const whole = await feed.subscribe();
    const made = Array.from({ length: 20 }, (_, i) => `n${i}`);
    for (const name of made) model.put(name, name);
    const all = await take(whole, 21);
    for (const [at, { id }] of all.entries()) {
      const again = await feed.subscribe(id);
      model.put('last', `last${at}`);
      const rest = await take(again, all.length - at + at);
      expect(rest.map(({ id: each }) => each)).toEqual(
        Array.from({ length: all.length }, (_, i) => `${id.split('-')[0]}-${at + 1 + i}`),
      );
      await again.return?.();
    }
    feed.close();
  });

  it.each(['nonsense', '-', 'ffffffffffff-3', ''])(
    'after "%s", of no epoch of its own: a snapshot',
    async (id) => {
      const feed = new Feed(new Model(), systemClock);
      expect((await take(await feed.subscribe(id), 1)).map(actionOf)).toEqual(['snapshot']);
      feed.close();
    },
  );

  it('after an id of the future, or one that is no longer kept: a snapshot', async () => {
    const model = new Model();
    const feed = new Feed(model, systemClock);
    const reader = await feed.subscribe();
    const [first] = await take(reader, 1);
    const epoch = first?.id.split('-')[0];
    expect((await take(await feed.subscribe(`${epoch}-1`), 1)).map(actionOf)).toEqual(['snapshot']);
    for (let i = 0; i < 4097; i += 1) model.put('a', `v${i}`);
    expect((await take(await feed.subscribe(`${epoch}-0`), 1)).map(actionOf)).toEqual(['snapshot']);
    expect((await take(await feed.subscribe(`${epoch}-1`), 1)).map(actionOf)).toEqual(['network changed v1']);
    feed.close();
  });

  it('cuts off who reads nothing, and nobody else', async () => {
    const model = new Model();
    const feed = new Feed(model, systemClock);
    const still = await feed.subscribe();
    const other = await feed.subscribe();
    let read = 0;
    const reading = (async () => {
      for await (const _ of other) read += 1;
    })();
    for (let i = 0; i < 9000; i += 1) {
      model.put('a', `v${i}`);
      if (i % 100 === 0) await until('the reader keeps up', () => read >= i);
    }
    expect((await still.next()).done).toBe(true);
    expect(feed.readers).toBe(1);
    await until('the other has all', () => read === 9001);
    feed.close();
    await reading;
  });

  it('follows nothing a minute after the last reader has left; its epoch is over then', async () => {
    const clock = new MovableClock(Date.UTC(2026, 0, 1));
    const model = new Model();
    const feed = new Feed(model, clock);
    const reader = await feed.subscribe();
    const [{ id = '' } = {}] = await take(reader, 1);
    await reader.return?.();
    await clock.advance(59_000);
    expect(model.watchers).toBe(1);
    model.put('a', 'foo');
    const again = await feed.subscribe(id);
    expect((await take(again, 1)).map(actionOf)).toEqual(['network created foo']);
    await again.return?.();
    await clock.advance(61_000);
    expect(model.watchers).toBe(0);
    expect((await take(await feed.subscribe(id), 1)).map(actionOf)).toEqual(['snapshot']);
    feed.close();
    clock.close();
  });

  it('what a store that was away had all along comes as a snapshot, not as news', async () => {
    const model = new Model();
    let tell = () => {};
    model.ready = new Promise((resolve) => {
      tell = resolve;
    });
    const feed = new Feed(model, systemClock);
    const reader = await feed.subscribe();
    expect((await take(reader, 1)).map(actionOf)).toEqual(['snapshot']);
    model.networks.set('a', 'foo');
    tell();
    const [second] = await take(reader, 1);
    expect(JSON.parse(second?.text ?? '').networks).toMatchObject([{ name: 'foo' }]);
    feed.close();
  });
});

describe('differences of nodes', () => {
  const node = (state: NodeView['state']): NodeView => ({
    ...{ id: 'n', name: 'h1', version: '1', started: '', state, self: false },
  });
  const actions = (...states: readonly (NodeView['state'] | undefined)[]) => {
    const known = new Differences();
    return states.map((state) => known.node('n', state && node(state))[0]?.action);
  };

  it('joined, left, lost, forgotten', () => {
    expect(actions('alive', 'alive', 'leaving', undefined, undefined)).toEqual([
      'joined',
      undefined,
      'changed',
      'left',
      undefined,
    ]);
    expect(actions('alive', 'lost', 'alive', 'lost', undefined)).toEqual([
      ...['joined', 'lost', 'joined', 'lost', 'forgotten'],
    ]);
  });
});
