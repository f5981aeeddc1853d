import { describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';
import { type RefuserKind, refuserKinds } from '../rig/refusers.ts';
import { until } from '../rig/until.ts';

const usual = ['--dataplane', 'simulated', '--dns-listen', 'none', '--lease-ttl', '5s'];

async function startNode(name: string, store: readonly string[]): Promise<TestDaemon> {
  return await TestDaemon.start({ flags: [...usual, '--node-name', name, ...store] });
}

async function localWorks(daemon: TestDaemon): Promise<void> {
  await daemon.ok('network', 'create', '-d', 'bridge', 'mine');
  await daemon.ok('run', '-d', '--name', 'c1', '--net', 'mine', 'x');
  await daemon.ok('rm', '-f', 'c1');
}

/** Known, and refused in one line that says why: not as a conflict, and without doubt. */
async function refusesGlobal(daemon: TestDaemon, { text }: RefuserKind): Promise<void> {
  const { code, stderr } = await daemon.run('fairlead', 'network', 'create', '-d', 'overlay', 'x');
  expect([code, stderr.trimEnd().split('\n').length]).toEqual([1, 1]);
  expect(stderr).toMatch(text);
  expect(stderr).not.toMatch(/may have been made|times; try again|already exists/);
}

const isDegraded = /^Store: \w+:\S+ \(degraded: writes are refused: (.+)\)$/m;

/** Without doubts in between: as a monitor sees it that looks all the time. */
async function staysDegraded(daemon: TestDaemon, kind: RefuserKind): Promise<void> {
  const info = await until(
    'info says it',
    () => daemon.ok('info'),
    (text) => isDegraded.test(text),
  );
  expect(isDegraded.exec(info)?.[1]).toMatch(kind.text);
  // Longer than the time between two tries of the node to write.
  const end = performance.now() + 6000;
  while (performance.now() < end) {
    const { text } = await daemon.call('GET', '/metrics');
    expect(text).toMatch(/^fairlead_store_degraded\{store="\w+:[^"]+"\} 1$/m);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const doctor = await daemon.run('fairlead', 'doctor');
  expect(doctor.stdout).toMatch(/store \w+:\S+ is: degraded: writes are refused: /);
  const lines = daemon.output.split('\n').filter((line) => line.includes('is degraded: writes are refused'));
  expect(lines.length).toBe(1);
}

const inCluster = (daemon: TestDaemon, name: string) =>
  until(
    `${name} is in the cluster`,
    () => daemon.ok('node', 'ls'),
    (text) => text.includes(name),
  );

describe.concurrent('a store that answers and refuses writes', () => {
  it.each(refuserKinds)(
    '$name: a daemon opens, and joins when it may',
    async (kind) => {
      await using server = await kind.start();
      const options = Object.entries(server.options).flatMap(([name, value]) => [
        '--kv-store-opt',
        `${name}=${value}`,
      ]);
      const store = ['--kv-store', server.url, ...options];
      await using old = await startNode('old', store);
      await inCluster(old, 'old');
      await old.ok('network', 'create', '-d', 'overlay', 'wide');
      await server.refuse();
      await using fresh = await startNode('fresh', store);
      await Promise.all([localWorks(fresh), localWorks(old)]);
      await until(
        'fresh knows the network',
        () => fresh.ok('network', 'ls'),
        (text) => text.includes('wide'),
      );
      for (const daemon of [old, fresh]) await refusesGlobal(daemon, kind);
      await Promise.all([old, fresh].map((daemon) => staysDegraded(daemon, kind)));
      await old.kill('SIGKILL');
      await old.start();
      await refusesGlobal(old, kind);

      await server.allow();
      for (const name of ['old', 'fresh']) await inCluster(old, name);
      const isWell = (text: string) => /^Store: \w+:\S+ \(reachable\)$/m.test(text);
      for (const daemon of [old, fresh]) {
        await until('info says that all is well', () => daemon.ok('info'), isWell);
        await until('so does the log', () => daemon.output.includes('takes writes again'));
      }
      await fresh.ok('run', '-d', '--net', 'wide', '--name', 'web', 'x');
    },
    120_000,
  );

  const [full] = refuserKinds;
  it.runIf(full)(
    'one that nobody has used yet: local networks work, and info says why',
    async () => {
      if (!full) return;
      await using server = await full.start();
      await server.refuse();
      await using daemon = await startNode('first', ['--kv-store', server.url]);
      await localWorks(daemon);
      const why = /^Store: etcd:\S+ \(degraded, .*it refuses what a node needs to join it: .*space exceeded/m;
      await until(
        'info says why',
        () => daemon.ok('info'),
        (text) => why.test(text),
      );
      await server.allow();
      await inCluster(daemon, 'first');
    },
    60_000,
  );
});
