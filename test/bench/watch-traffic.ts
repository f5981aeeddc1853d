import { z } from 'zod';
import { Cluster, type ClusterNode } from '../rig/cluster.ts';
import { type StoreKind, storeKinds } from '../rig/stores.ts';
import type { Benchmark, Row } from './row.ts';

const networks = 20;
/** In how many of them the watching node takes part, one after the other. */
const steps = [0, 1, 5, 20] as const;
const rounds = 5;
/** A moment for what is under way when the counting begins or ends, in milliseconds. */
const settleMs = 1500;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const watchTraffic: Benchmark = {
  about: 'what a node hears from the store of attaches elsewhere, by how many of the networks are its own',
  async run(say) {
    const rows: Row[] = [];
    for (const kind of storeKinds) {
      rows.push(...(await measure(kind)));
      say(`${kind.provider}: ${steps.length} × ${networks * rounds * 2} changes on ${networks} networks`);
    }
    return rows;
  },
};

/** One node attaches and detaches on all networks in turn; the bytes that reach the other's host are counted. */
async function measure(kind: StoreKind): Promise<readonly Row[]> {
  const cluster = await Cluster.start({ kind, nodes: 2, hosts: true });
  try {
    const [a, b] = [cluster.node(1), cluster.node(2)];
    const services: string[] = [];
    await a.runOn('bridge', 'web');
    for (let i = 0; i < networks; i += 1) {
      await a.createNetwork(`net${i}`);
      services.push(await a.publish('svc', `net${i}`));
    }
    await b.knows(`net${networks - 1}`);
    const rows: Row[] = [];
    for (const [at, count] of steps.entries()) {
      for (let i = steps[at - 1] ?? 0; i < count; i += 1) await b.runOn(`net${i}`, `part${i}`);
      rows.push({
        what: `${kind.provider}: heard per change, ${count} of ${networks} networks its own`,
        unit: 'kB',
        ours: await heardPerChange(a, b, services),
      });
    }
    return rows;
  } finally {
    await cluster[Symbol.asyncDispose]();
  }
}

/** kB, without what it hears in the same time when nothing changes. */
async function heardPerChange(a: ClusterNode, b: ClusterNode, services: readonly string[]): Promise<number> {
  await pause(settleMs);
  const idle = await rate(b, () => pause(10_000));
  const busy = await rate(b, async () => {
    for (let round = 0; round < rounds; round += 1) {
      for (const service of services) {
        const { status, text } = await a.attach(service, 'web');
        if (status !== 200) throw new Error(`attach: ${status} ${text}`);
        await a.detach(service, 'web');
      }
    }
    await pause(settleMs);
  });
  const changes = services.length * rounds * 2;
  return Math.max(0, busy.bytes - (idle.bytes / idle.ms) * busy.ms) / changes / 1000;
}

async function rate(node: ClusterNode, during: () => Promise<unknown>) {
  const [start, before] = [performance.now(), await received(node)];
  await during();
  return { bytes: (await received(node)) - before, ms: performance.now() - start };
}

const linkSchema = z.array(z.object({ stats64: z.object({ rx: z.object({ bytes: z.number() }) }) }));

/** Nothing but the store's connections uses the wire: containers are simulated. */
async function received({ daemon }: ClusterNode): Promise<number> {
  const { stdout } = await daemon.inHost('ip', '-s', '-j', 'link', 'show', 'dev', 'up0');
  return linkSchema.parse(JSON.parse(stdout))[0]?.stats64.rx.bytes ?? Number.NaN;
}
