import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { createMemoryLedger, MemoryStore } from '../../kvstore/local/memory.ts';
import type { LogLine, OwnRuntime } from '../../src/container/runtime.ts';
import { createSimulatedRuntime } from '../../src/container/simulated.ts';
import { createSimulatedDataplane } from '../../src/dataplane/simulated.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { containerFiles, containerSpec } from '../rig/container-spec.ts';
import { type RuntimePlace, runtimeChecks } from './runtime.ts';
import { type CommonPlace, commonChecks } from './runtime-common.ts';

type Spoil = (good: OwnRuntime) => Partial<OwnRuntime>;

async function place(spoil: Spoil = () => ({})): Promise<RuntimePlace> {
  const ledger = createMemoryLedger();
  const open = async () => {
    const dataplane = createSimulatedDataplane();
    const good = createSimulatedRuntime({ store: new MemoryStore(ledger), dataplane, log: silentLogger });
    await good.recover();
    return { ...good, ...spoil(good) };
  };
  const runtime = await open();
  return {
    runtime,
    async reopen() {
      await runtime.close();
      return open();
    },
  };
}

/** The place for the checks that hold for an Engine's runtime, too. */
function common({ runtime, reopen }: RuntimePlace): CommonPlace {
  let last = runtime;
  return {
    runtime,
    lasting: {},
    start: (_, id) => last.start(id, containerFiles),
    reopen: async () => (last = await reopen()),
  };
}

async function linesOf(log: AsyncIterable<LogLine>): Promise<string[]> {
  const lines: string[] = [];
  for await (const { stream, data } of log) lines.push(`${stream} ${data}`);
  return lines;
}

describe('the simulated runtime', () => {
  for (const { name, run } of runtimeChecks) test(name, async () => run(await place()));
  for (const { name, run } of commonChecks) test(name, async () => run(common(await place())));

  test('answers what looks a name up, as DNS answers the container whose network it shares', async () => {
    const runtime = createSimulatedRuntime({
      store: new MemoryStore(createMemoryLedger()),
      dataplane: createSimulatedDataplane(),
      log: silentLogger,
      lookUp: async (containerId, name) =>
        containerId === owner.id && name === 'db'
          ? { rcode: 'NOERROR', answers: [{ address: '172.18.0.2' }] }
          : { rcode: 'NXDOMAIN', answers: [] },
    });
    await using _ = { [Symbol.asyncDispose]: () => runtime.close() };
    const owner = await runtime.create(containerSpec({ name: 'owner' }));
    const networkMode = { kind: 'container', containerId: owner.id } as const;
    const sharer = await runtime.create(containerSpec({ name: 'sharer', networkMode }));
    for (const { id } of [owner, sharer]) await runtime.start(id, containerFiles);
    const exec = async (...command: string[]) => {
      const quiet = { env: [], workingDir: '', user: '', tty: false, attachStdin: false };
      const { stdout, exited } = await runtime.exec(sharer.id, { command, ...quiet });
      return [await exited, await text(stdout)];
    };
    expect(await exec('getent', 'hosts', 'db')).toEqual([0, '172.18.0.2      db\n']);
    expect(await exec('nslookup', 'db')).toEqual([0, 'Name:\tdb\nAddress: 172.18.0.2\n']);
    expect(await exec('getent', 'hosts', 'nobody')).toEqual([2, '']);
    expect(await exec('nslookup', 'nobody')).toEqual([1, "** server can't find nobody: NXDOMAIN\n"]);
    expect((await exec('nslookup', 'db', '1.1.1.1'))[0]).toBe(126);
  });

  test('runs no program: exec fails and says why, the log is empty, nothing runs', async () => {
    const { runtime } = await place();
    const { id } = await runtime.create(containerSpec({ name: 'c1', command: ['sleep', '1'] }));
    const exec = { command: ['true'], env: [], workingDir: '', user: '', tty: false, attachStdin: false };
    await expect(runtime.exec(id, exec)).rejects.toMatchObject({ kind: 'conflict' });
    await runtime.start(id, containerFiles);
    const process = await runtime.exec(id, exec);
    expect(await text(process.stdout)).toBe('');
    expect(await text(process.stderr)).toBe(
      'fairlead: container c1 is simulated and runs no program, so this was not run: true\n' +
        'fairlead: see what it resolves and reaches with: fairlead probe c1 NAME\n',
    );
    expect(await process.exited).toBe(126);
    expect(await linesOf(runtime.logs(id, { follow: false }))).toEqual([]);
    expect((await runtime.top(id, '-ef')).processes).toEqual([]);
  });

  test('tells who is attached that no output will come, and lets go at the end', async () => {
    const { runtime } = await place();
    const { id } = await runtime.create(containerSpec({ name: 'c1' }));
    const early = await runtime.attach(id);
    const log = linesOf(runtime.logs(id, { follow: true }));
    expect(await log).toEqual([]);
    await runtime.start(id, containerFiles);
    const late = await runtime.attach(id);
    const followed = linesOf(runtime.logs(id, { follow: true }));
    await runtime.stop(id, 1);
    const notice =
      'fairlead: container c1 is simulated: it runs no program and writes nothing; it ends with: docker stop c1\n';
    for (const { stdout, stderr } of [early, late]) {
      expect(await text(stderr)).toBe(notice);
      expect(await text(stdout)).toBe('');
    }
    expect(await followed).toEqual([]);
  });

  test('writes, ends and answers as its programs say', async () => {
    const runtime = createSimulatedRuntime({
      store: new MemoryStore(),
      dataplane: createSimulatedDataplane(),
      log: silentLogger,
      programs: {
        run: ({ name }) => (name === 'job' ? { stdout: 'a\nb\n', stderr: 'c', exitCode: 3 } : undefined),
        exec: (_, { command, stdin }) =>
          command[0] === 'cat' ? stdin().then((sent) => ({ stdout: sent, exitCode: 7 })) : undefined,
      },
    });
    const ended = new Promise((resolve) => runtime.onExit((_, exitCode) => resolve(exitCode)));
    const { id } = await runtime.create(containerSpec({ name: 'job' }));
    await runtime.start(id, containerFiles);
    const process = await runtime.exec(id, {
      ...{ command: ['cat'], env: [], workingDir: '', user: '', tty: false, attachStdin: true },
    });
    process.stdin.end('hello');
    expect(await text(process.stdout)).toBe('hello');
    expect([await process.exited, await ended]).toEqual([7, 3]);
    expect(await linesOf(runtime.logs(id, { follow: true }))).toEqual([
      'stdout a\n',
      'stdout b\n',
      'stderr c',
    ]);
    expect(await linesOf(runtime.logs(id, { follow: false, tail: 1 }))).toEqual(['stderr c']);
    await runtime.close();
  });

  test('models the sandboxes of running containers anew after a restart', async () => {
    const ledger = createMemoryLedger();
    const open = async () => {
      const dataplane = createSimulatedDataplane();
      const runtime = createSimulatedRuntime({
        store: new MemoryStore(ledger),
        dataplane,
        log: silentLogger,
      });
      await runtime.recover();
      return { dataplane, runtime };
    };
    const first = await open();
    const { id } = await first.runtime.create(containerSpec());
    await first.runtime.prepare(id);
    await first.runtime.start(id, containerFiles);
    const next = await open();
    expect((await next.dataplane.owned()).sandboxes).toEqual([id.slice(0, 12)]);
    await next.runtime.stop(id, 1);
    await next.runtime.release(id);
    expect((await next.dataplane.owned()).sandboxes).toEqual([]);
  });
});

/** The simulated runtime with one method spoilt: the suite must notice each. */
const flaws = {
  'onExit tells nothing': () => ({ onExit() {} }),
  'onExit tells twice': (good) => ({
    onExit(listener) {
      good.onExit(listener);
      good.onExit(listener);
    },
  }),
  'remove does nothing': () => ({ remove: async () => {} }),
  'stop kills': (good) => ({
    stop: (id) => (good.get(id)?.state.status === 'running' ? good.signal(id, 'KILL') : good.stop(id, 0)),
  }),
  'any signal ends it': (good) => ({ signal: (id) => good.signal(id, 'TERM') }),
  'update forgets the name': (good) => ({ update: (id, { name: _, ...rest }) => good.update(id, rest) }),
  'create forgets the attachments': (good) => ({
    create: (spec) => good.create({ ...spec, attachments: [] }),
  }),
  'list is in any order': (good) => ({ list: () => [...good.list()].reverse() }),
  "everyone has the host's sandbox": () => ({ sandboxOf: () => 'host' }),
} satisfies Record<string, Spoil>;

describe('the suite rejects a runtime where', () => {
  for (const [name, flaw] of Object.entries(flaws)) {
    test(name, async () => {
      const own = await Promise.allSettled(runtimeChecks.map(async ({ run }) => run(await place(flaw))));
      expect(own.filter(({ status }) => status === 'rejected')).not.toEqual([]);
    });
  }
});

/** Those that an Engine's runtime could have, too. */
const commonFlaws = [
  'onExit tells nothing',
  'onExit tells twice',
  'remove does nothing',
  'stop kills',
  'any signal ends it',
  'update forgets the name',
  'list is in any order',
  "everyone has the host's sandbox",
] as const;

describe('the suite for all runtimes rejects one where', () => {
  for (const name of commonFlaws) {
    test(name, async () => {
      const results = await Promise.allSettled(
        commonChecks.map(async ({ run }) => run(common(await place(flaws[name])))),
      );
      expect(results.filter(({ status }) => status === 'rejected')).not.toEqual([]);
    });
  }
});
