import { describe, expect, it } from 'vitest';
import { Cluster, type ClusterNode } from '../rig/cluster.ts';
import { readRecords, violationsIn } from '../rig/invariants.ts';
import { Random } from '../rig/random.ts';
import { storeKinds } from '../rig/stores.ts';

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const containersPerNode = 8;

/** Creates and starts what the storm moves about, on no network of its own. */
async function prepare(node: ClusterNode): Promise<void> {
  for (const i of range(containersPerNode)) {
    await node.must('POST', `/containers/create?name=${node.name}-c${i}`, { Image: 'x' });
    await node.must('POST', `/containers/${node.name}-c${i}/start`);
  }
}

interface Target {
  readonly exclusive: readonly [string, ...string[]];
  readonly shared: string;
}

/** One attach or detach, of the network or of a service, that may be refused but must not fail. */
function step(node: ClusterNode, random: Random, { exclusive, shared }: Target) {
  const name = `${node.name}-c${random.below(containersPerNode)}`;
  const connect = { Container: name };
  const service = random.below(3) === 0 ? shared : random.pick(exclusive);
  const steps = [
    () => node.daemon.call('POST', '/networks/busy/connect', connect),
    () => node.daemon.call('POST', '/networks/busy/disconnect', connect),
    () => node.attach(service, name),
    () => node.detach(service, name),
  ] as const;
  return random.pick(steps)();
}

describe.each(storeKinds)('three daemons that contend on one $provider', (kind) => {
  it('50 creates of 10 names each: ten networks, and 300 attaches and detaches each: no address twice', async () => {
    await using cluster = await Cluster.start({ kind, nodes: 3 });
    const creates = cluster.nodes.flatMap((node) =>
      range(50).map((i) =>
        node.daemon.call('POST', '/networks/create', { Name: `net${i % 10}`, Driver: 'overlay' }),
      ),
    );
    const answers = await Promise.all(creates);
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect([count(201), count(409), answers.length]).toEqual([10, 140, 150]);
    const networks = await readRecords(cluster.store);
    expect([...networks.names.keys()].sort()).toEqual(range(10).map((i) => `net${i}`));
    expect(new Set(networks.vnis.values()).size).toBe(10);
    expect(violationsIn(networks).violations).toEqual([]);

    await cluster.node(1).createNetwork('busy');
    for (const node of cluster.nodes) await node.knows('busy');
    const ids = await Promise.all(range(6).map((i) => cluster.node(2).publish(`db${i}`, 'busy')));
    const [first = '', ...others] = ids;
    const target: Target = {
      exclusive: [first, ...others],
      shared: await cluster.node(3).publish('many', 'busy', true),
    };
    await Promise.all(cluster.nodes.map(prepare));
    const storm = cluster.nodes.map(async (node, index) => {
      const random = new Random(20150722 + index);
      const statuses: string[] = [];
      for (let done = 0; done < 300; done += 6) {
        const batch = await Promise.all(range(6).map(() => step(node, random, target)));
        statuses.push(
          ...batch.map(({ status, text }) => (status < 500 ? String(status) : `${status} ${text}`)),
        );
      }
      return statuses;
    });
    const statuses = (await Promise.all(storm)).flat();
    expect(statuses).toHaveLength(900);
    expect(statuses.filter((status) => status.startsWith('5'))).toEqual([]);
    expect(statuses.filter((status) => status.startsWith('2')).length).toBeGreaterThan(200);
    const { violations, checked } = violationsIn(await readRecords(cluster.store));
    expect(violations).toEqual([]);
    expect(checked).toBeGreaterThan(100);
  });
});
