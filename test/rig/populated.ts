import { messageOf } from '../../src/lib/errors.ts';
import type { Cluster, ClusterNode } from './cluster.ts';
import { readRecords, violationsIn } from './invariants.ts';
import { until } from './until.ts';

/** A network with a service and containers of both nodes, and who may ask for their names. */
export async function populate(cluster: Cluster) {
  const [a, b] = [cluster.node(1), cluster.node(2)];
  await a.createNetwork('bar');
  await b.knows('bar');
  const askers = { a: await a.runOn('bar', 'on-a'), b: await b.runOn('bar', 'on-b') };
  const service = await a.publish('db', 'bar');
  await b.runOn('bridge', 'back');
  const { status, text } = await b.attach(service, 'back');
  if (status !== 200) throw new Error(`attach back to db: ${status} ${text}`);
  const names = { 'on-a': [askers.a], 'on-b': [askers.b], db: [await b.addressOf('back', 'bar')] };
  for (const [name, addresses] of Object.entries(names)) {
    await a.resolves(askers.a, name, addresses);
    await b.resolves(askers.b, name, addresses);
  }
  return { a, b, askers, service, names };
}

export async function isReachable(node: ClusterNode): Promise<void> {
  const look = async () => (await node.daemon.call('GET', '/info')).text;
  await until(`${node.name} reaches the store`, look, (text) => !text.includes('"reachable":false'), 30_000);
}

/** The cluster works, on every node, and its records agree. */
export async function hasConverged(cluster: Cluster): Promise<void> {
  await cluster.allJoined();
  for (const node of cluster.nodes) await isReachable(node);
  // The test's own connection has to find back, too, where the server was away.
  const look = () =>
    readRecords(cluster.store).then(
      (records) => violationsIn(records).violations,
      (error: unknown) => [messageOf(error)],
    );
  await until('no violation', look, (violations) => violations.length === 0, 30_000);
  for (const node of cluster.nodes) await node.createNetwork(`after-${node.name}`);
  for (const node of cluster.nodes) await node.must('DELETE', `/networks/after-${node.name}`);
}
