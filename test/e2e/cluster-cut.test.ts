import { describe, expect, it } from 'vitest';
import { Cluster, type ClusterNode } from '../rig/cluster.ts';
import { NameWatch } from '../rig/name-watch.ts';
import { hasConverged, isReachable, populate } from '../rig/populated.ts';
import { storeKinds } from '../rig/stores.ts';
import { Traffic } from '../rig/traffic.ts';
import { until } from '../rig/until.ts';

const ttlMs = 6000;
const shortCutMs = 10_000;
/** TCP doubles its pauses: who waited for it would wait for up to 20 s more after this one. */
const longCutMs = 30_000;
/** Within which everything is as before once packets pass, in milliseconds. */
const soonMs = 6000;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** @returns milliseconds until it was so */
async function timed(wait: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await wait;
  return Math.round(performance.now() - start);
}

async function noticed(node: ClusterNode): Promise<void> {
  const look = async () => (await node.daemon.call('GET', '/info')).text;
  await until(`${node.name} notices`, look, (text) => text.includes('"reachable":false'), 30_000);
}

async function lostLease(node: ClusterNode, times: number): Promise<void> {
  const count = () => node.daemon.output.split('lease lost').length - 1;
  await until(`${node.name} lost its lease`, count, (seen) => seen === times, 30_000);
}

/** Packets are dropped on the wire by nftables, both ways: no connection is closed, and nothing is refused. */
describe.concurrent.each(storeKinds)('$provider behind a wire that loses all packets', (kind) => {
  it('nodes go by their own clocks: nothing hangs, names go on, and all is back at once', async () => {
    await using cluster = await Cluster.start({ kind, nodes: 2, leaseTtl: `${ttlMs / 1000}s`, hosts: true });
    const { a, b, askers, names, service } = await populate(cluster);
    const own = new NameWatch(a, askers.a, names);
    const { 'on-a': _, ...ofB } = names;
    const others = new NameWatch(b, askers.b, ofB);
    const traffic = new Traffic(a);

    await a.wire.freeze();
    const oneCut = pause(shortCutMs);
    const seen = [timed(noticed(a)), timed(lostLease(a, 1)), timed(b.resolves(askers.b, 'on-a', [], 30_000))];
    const [noticedAfter = 0, lostAfter = 0, goneAfter = 0] = await Promise.all(seen);
    // What leaves while nobody can be told leaves here at once, and there when it can be told.
    await a.runOn('bridge', 'later');
    expect((await a.attach(service, 'later')).status).toBeGreaterThanOrEqual(400);
    await oneCut;
    await a.wire.heal();
    const oneBack = await timed(
      Promise.all([isReachable(a), b.resolves(askers.b, 'on-a', names['on-a'], 30_000)]),
    );

    for (const node of cluster.nodes) await node.wire.freeze();
    const allCut = pause(longCutMs);
    const lostByBoth = await Promise.all([timed(lostLease(a, 2)), timed(lostLease(b, 1))]);
    await allCut;
    for (const node of cluster.nodes) await node.wire.heal();
    const reachable = cluster.nodes.map((node) => isReachable(node));
    const allBack = await timed(Promise.all([...reachable, cluster.allJoined()]));

    const { localFailures, refusals, made } = await traffic.end();
    await hasConverged(cluster);
    for (const name of made) await b.must('DELETE', `/networks/${name}`);
    await pause(1000);
    const watched = [await own.end(), await others.end()];
    const slow = refusals.map(({ took }) => Math.round(took)).filter((took) => took > 1000);
    console.log(
      `${kind.provider}, one node cut off: noticed after ${noticedAfter} ms, lease of ${ttlMs} ms lost after ` +
        `${lostAfter} ms, dead to others after ${goneAfter} ms, back ${oneBack} ms after ${shortCutMs} ms; ` +
        `all cut off: leases lost after ${lostByBoth.join(' and ')} ms, back ${allBack} ms after ${longCutMs} ms; ` +
        `${refusals.length} writes refused, those slower than 1 s: ${slow.join(' and ')} ms`,
    );
    expect(watched.flatMap(({ failures }) => failures)).toEqual([]);
    expect(localFailures).toEqual([]);
    for (const after of [lostAfter, ...lostByBoth]) expect(after).toBeLessThan(ttlMs + 1000);
    for (const after of [oneBack, allBack]) expect(after).toBeLessThan(soonMs);
    // In each cut only the writes that were under way wait for their deadline.
    expect(slow.length).toBeLessThanOrEqual(2);
    for (const took of slow) expect(took).toBeLessThan(ttlMs);
    for (const { status, text } of refusals) {
      expect([status, text]).toEqual([503, expect.stringMatching(/kv store \S+ |lease/)]);
    }
  });
});
