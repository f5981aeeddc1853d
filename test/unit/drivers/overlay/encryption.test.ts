import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { associationFrom, nameOf } from '../../../../drivers/overlay/association.ts';
import { planAssociations } from '../../../../drivers/overlay/association-plan.ts';
import { Encryption } from '../../../../drivers/overlay/encryption.ts';
import type { Association } from '../../../../src/dataplane/associations.ts';
import type { Dataplane } from '../../../../src/dataplane/dataplane.ts';
import { createSimulatedDataplane } from '../../../../src/dataplane/simulated.ts';
import { endpointOf, networkOf } from '../../../contract/driver.ts';

const overlay = { name: 'overlay', scope: 'global', addressed: true } as const;
const network = networkOf(overlay);
const secretOf = (digit: string) => digit.repeat(64);
const end = (n: number, digit: string) => ({
  id: `node${n}`,
  address: `192.0.2.${n}`,
  secret: secretOf(digit),
});

describe('an association', () => {
  test('is the same at both ends, and has what RFC 4106 and RFC 4303 ask for', () => {
    const one = associationFrom(end(1, 'a'), end(2, 'b'));
    expect(one).toEqual(associationFrom(end(1, 'a'), end(2, 'b')));
    expect(one).toMatchObject({ source: '192.0.2.1', destination: '192.0.2.2' });
    expect(one.key).toMatch(/^[0-9a-f]{72}$/);
    expect(one.spi).toBeGreaterThanOrEqual(0x100);
    expect(one.spi).toBeLessThan(2 ** 32);
  });

  test('shares its key with none of another direction, node or secret', () => {
    const all = [
      associationFrom(end(1, 'a'), end(2, 'b')),
      associationFrom(end(2, 'b'), end(1, 'a')),
      associationFrom(end(1, 'c'), end(2, 'b')),
      associationFrom(end(1, 'a'), end(2, 'c')),
      associationFrom(end(1, 'a'), end(3, 'b')),
      associationFrom(end(3, 'a'), end(2, 'b')),
    ];
    expect(new Set(all.map(({ key }) => key)).size).toBe(all.length);
    expect(new Set(all.map(({ key }) => key.slice(0, 64))).size).toBe(all.length);
  });
});

describe('the plan', () => {
  const self = { ...end(1, 'a'), settled: true, told: true, spent: new Set<string>() };
  const peer = { ...end(2, 'b'), renewed: false };
  const [into, out] = [associationFrom(peer, self), associationFrom(self, peer)];
  const before = associationFrom({ ...self, secret: secretOf('0') }, peer);

  test('wants one association from and one to each peer, and nothing of one that has told no secret', () => {
    expect(planAssociations(self, [peer], [])).toMatchObject({ add: [into, out], lost: [], strays: [] });
    const { secret: _, ...silent } = peer;
    expect(planAssociations(self, [silent], []).add).toEqual([]);
  });

  test('keeps what is there, and knows strays', () => {
    const stray = associationFrom(end(9, 'e'), self);
    const plan = planAssociations(self, [peer], [into, out, stray]);
    expect(plan).toEqual({ add: [], keep: [into, out], retire: [], strays: [stray], lost: [], waiting: [] });
  });

  test('sends under a new secret of this node when the others have learned it, not before', () => {
    const fresh = { ...self, settled: false };
    expect(planAssociations(fresh, [peer], [into, before])).toMatchObject({
      ...{ add: [], keep: [into, before], waiting: [peer.id] },
    });
    expect(planAssociations(self, [peer], [into, before])).toMatchObject({ add: [out], retire: [before] });
  });

  test('does not wait where nothing could be sent meanwhile, or where the peer may have lost what it had', () => {
    const fresh = { ...self, settled: false };
    expect(planAssociations(fresh, [peer], [into]).add).toEqual([out]);
    const renewed = { ...peer, renewed: true };
    expect(planAssociations(fresh, [renewed], [into, before])).toMatchObject({
      add: [out],
      retire: [before],
    });
  });

  test('makes nothing twice of the same secrets', () => {
    const used = { ...self, spent: new Set([into, out].map(nameOf)) };
    expect(planAssociations(used, [peer], [])).toMatchObject({ add: [], lost: [into, out] });
  });
});

/** Nodes of one encrypted network, each with a kernel; every key that a kernel was given is written down. */
class World {
  now = 0;
  /** What the store tells of each node. */
  readonly records = new Map<number, string>();
  /** Node → keys that it had in a kernel of its own. */
  readonly used = new Map<number, string[]>();
  readonly #nodes = new Map<number, { encryption: Encryption; dataplane: Dataplane }>();

  start(n: number, dataplane = createSimulatedDataplane()): void {
    const used = this.used.get(n) ?? [];
    this.used.set(n, used);
    const watched: Dataplane = Object.assign(Object.create(dataplane), {
      associations: () => dataplane.associations(),
      changeAssociations: async (changes: Parameters<Dataplane['changeAssociations']>[0]) => {
        used.push(...changes.add.map(({ key }) => key));
        await dataplane.changeAssociations(changes);
      },
    });
    const encryption = new Encryption(watched, {
      id: `node${n}`,
      lifetimeMs: 3_600_000,
      settleMs: 15_000,
      now: () => this.now,
      publish: async (secret) => {
        if (secret === undefined) this.records.delete(n);
        else this.records.set(n, secret);
      },
    });
    encryption.enter(network.id);
    this.#nodes.set(n, { encryption, dataplane });
  }

  node(n: number) {
    const node = this.#nodes.get(n);
    if (!node) throw new Error(`there is no node ${n}`);
    return node;
  }

  get all(): readonly number[] {
    return [...this.#nodes.keys()];
  }

  async sync(n: number, records: ReadonlyMap<number, string> = this.records): Promise<void> {
    const peers = this.all
      .filter((other) => other !== n)
      .map((other) => {
        const secret = records.get(other);
        const endpoint = { ...endpointOf(network, other), nodeId: `node${other}` };
        return { endpoint, via: `192.0.2.${other}`, ...(secret === undefined ? {} : { secret }) };
      });
    await this.node(n).encryption.setPeers(network.id, `192.0.2.${n}`, peers);
    // Whoever publishes is told on the next turn that it is in the store.
    await Promise.resolve();
  }

  async syncAll(): Promise<void> {
    for (const n of this.all) await this.sync(n);
  }

  async present(n: number): Promise<readonly Association[]> {
    return await this.node(n).dataplane.associations();
  }

  /** What nodes send under that the others could not take in. */
  async unheard(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const n of this.all) {
      const sent = (await this.present(n)).filter(({ source }) => source === `192.0.2.${n}`);
      for (const one of sent) {
        const other = Number(one.destination.split('.').at(-1));
        if (!(await this.present(other)).some((its) => nameOf(its) === nameOf(one))) found.push(nameOf(one));
      }
    }
    return found;
  }

  async flush(n: number): Promise<void> {
    await this.node(n).dataplane.changeAssociations({ add: [], remove: await this.present(n) });
  }
}

async function worldOf(count: number, apartMs = 0): Promise<World> {
  const world = new World();
  for (let n = 1; n <= count; n += 1) {
    world.start(n);
    await world.syncAll();
    world.now += apartMs;
  }
  for (let round = 0; round < 2; round += 1) await world.syncAll();
  return world;
}

const outbound = async (world: World, n: number) =>
  (await world.present(n)).filter(({ source }) => source === `192.0.2.${n}`);

describe('nodes of an encrypted network', () => {
  test('have one association each way', async () => {
    const world = await worldOf(3);
    for (const n of world.all) expect(await world.present(n)).toHaveLength(4);
    expect(await world.unheard()).toEqual([]);
  });

  test('replace their keys without sending what the other cannot take in, and then forget the old ones', async () => {
    const world = await worldOf(3, 600_000);
    const first = await outbound(world, 1);
    for (let minute = 0; minute < 70; minute += 1) {
      world.now += 60_000;
      for (const n of world.all) {
        await world.sync(n);
        expect(await world.unheard()).toEqual([]);
      }
    }
    const now = (await outbound(world, 1)).map(nameOf);
    expect(now).toHaveLength(2);
    for (const one of first) expect(now).not.toContain(nameOf(one));
    for (const n of world.all) expect(await world.present(n)).toHaveLength(4);
  });

  test('lose nothing when a daemon starts again, or all of them', async () => {
    const world = await worldOf(3);
    for (const restarted of [[1], [1, 2, 3]]) {
      for (const n of restarted) world.start(n, world.node(n).dataplane);
      for (let minute = 0; minute < 6; minute += 1) {
        for (const n of world.all) {
          await world.sync(n);
          expect(await world.unheard()).toEqual([]);
        }
        world.now += 60_000;
      }
      for (const n of world.all) expect(await world.present(n)).toHaveLength(4);
    }
  });

  test('lose nothing when a daemon starts again in the moment in which another one changes its secret', async () => {
    const world = await worldOf(2, 600_000);
    world.now += 3_600_000;
    const before = new Map(world.records);
    await world.sync(1);
    expect(world.records.get(1)).not.toBe(before.get(1));
    world.start(2, world.node(2).dataplane);
    await world.sync(2, before);
    for (const ms of [0, 100, 5_000, 60_000, 60_000]) {
      world.now += ms;
      for (const n of world.all) {
        await world.sync(n);
        expect(await world.unheard()).toEqual([]);
      }
    }
  });

  test('talk to one that has lost its kernel as soon as both have looked', async () => {
    const world = await worldOf(3);
    world.now += 60_000;
    world.start(2);
    await world.sync(2);
    await world.syncAll();
    expect(await world.unheard()).toEqual([]);
    for (const n of world.all) expect(await outbound(world, n)).toHaveLength(2);
  });

  test('make new keys where somebody has flushed the old ones', async () => {
    const world = await worldOf(2, 60_000);
    await world.flush(1);
    await world.syncAll();
    await world.syncAll();
    expect(await world.unheard()).toEqual([]);
    for (const n of world.all) expect(await outbound(world, n)).toHaveLength(1);
  });

  test('tell the doctor what is missing', async () => {
    const world = await worldOf(2);
    const missing = await outbound(world, 1);
    await world.node(1).dataplane.changeAssociations({ add: [], remove: missing });
    const expected = (await world.node(1).encryption.expected('192.0.2.1')).map(nameOf);
    expect(expected.toSorted()).toEqual([...missing, ...(await world.present(1))].map(nameOf).toSorted());
  });

  test('that leave their last network take their secret back, and come again with another', async () => {
    const world = await worldOf(2, 60_000);
    const before = world.records.get(1);
    const { encryption } = world.node(1);
    await encryption.leave(network.id);
    expect(world.records.has(1)).toBe(false);
    // Of a pass that was under way nothing comes.
    await world.sync(1);
    expect(world.records.has(1)).toBe(false);
    await world.flush(1);
    encryption.enter(network.id);
    for (let round = 0; round < 2; round += 1) await world.syncAll();
    expect(world.records.get(1)).not.toBe(before);
    expect(await world.unheard()).toEqual([]);
  });

  test('never use a key twice, whatever happens to them, and always find each other again', async () => {
    const node = fc.integer({ min: 1, max: 3 });
    const event = fc.oneof(
      fc.record({ kind: fc.constantFrom('sync', 'restart', 'reboot', 'flush', 'lose one', 'leave'), node }),
      fc.record({ kind: fc.constant('wait'), node: fc.constantFrom(5_000, 60_000, 600_000, 3_600_000) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        const world = await worldOf(3);
        for (const { kind, node: n } of events) await happen(world, kind, n);
        // Each may need a new secret, which the others answer, and those that wait for it have waited.
        for (let round = 0; round < 4; round += 1) {
          world.now += 20_000;
          await world.syncAll();
        }
        expect(await world.unheard()).toEqual([]);
        for (const n of world.all) expect(await outbound(world, n)).toHaveLength(2);
        for (const keys of world.used.values()) expect(new Set(keys).size).toBe(keys.length);
      }),
      { numRuns: 150 },
    );
  });
});

async function happen(world: World, kind: string, n: number): Promise<void> {
  if (kind === 'wait') world.now += n;
  else if (kind === 'sync') await world.sync(n);
  else if (kind === 'restart') world.start(n, world.node(n).dataplane);
  else if (kind === 'reboot') world.start(n);
  else if (kind === 'flush') await world.flush(n);
  else if (kind === 'lose one') {
    const remove = (await world.present(n)).slice(0, 1);
    await world.node(n).dataplane.changeAssociations({ add: [], remove });
  } else {
    const { encryption } = world.node(n);
    await encryption.leave(network.id);
    await world.flush(n);
    encryption.enter(network.id);
  }
}
