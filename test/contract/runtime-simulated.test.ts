import { describe, expect, test } from 'vitest';
import { createMemoryLedger, MemoryStore } from '../../kvstore/local/memory.ts';
import type { Runtime } from '../../src/container/runtime.ts';
import { createSimulatedRuntime } from '../../src/container/simulated.ts';
import { createSimulatedDataplane } from '../../src/dataplane/simulated.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { containerFiles, containerSpec } from '../rig/container-spec.ts';
import { type RuntimePlace, runtimeChecks } from './runtime.ts';

type Spoil = (good: Runtime) => Partial<Runtime>;

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

describe('the simulated runtime', () => {
  for (const { name, run } of runtimeChecks) test(name, async () => run(await place()));

  test('says that it runs no programs, and what to use instead', async () => {
    const { runtime } = await place();
    const { id } = await runtime.create(containerSpec({ name: 'c1', command: ['sleep', '1'] }));
    await runtime.start(id, containerFiles);
    const exec = { command: ['true'], env: [], workingDir: '', user: '', tty: false, attachStdin: false };
    const refusal = (what: string) => ({
      kind: 'unsupported',
      message:
        `${what}: the daemon runs in the simulated way, where container c1 is a record and runs no program; ` +
        'see what it resolves and reaches with: fairlead probe c1 NAME',
    });
    await expect(runtime.exec(id, exec)).rejects.toMatchObject(refusal('exec'));
    await expect(runtime.attach(id)).rejects.toMatchObject(refusal('attach'));
    const read = async () => {
      for await (const line of runtime.logs(id, { follow: false })) throw new Error(`a line: ${line.time}`);
    };
    await expect(read()).rejects.toMatchObject(refusal('logs'));
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
const flaws: Record<string, Spoil> = {
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
  'create forgets the memberships': (good) => ({
    create: (spec) => good.create({ ...spec, memberships: [] }),
  }),
  'list is in any order': (good) => ({ list: () => [...good.list()].reverse() }),
  "everyone has the host's sandbox": () => ({ sandboxOf: () => 'host' }),
};

describe('the suite rejects a runtime where', () => {
  for (const [name, flaw] of Object.entries(flaws)) {
    test(name, async () => {
      const results = await Promise.allSettled(runtimeChecks.map(async ({ run }) => run(await place(flaw))));
      expect(results.filter(({ status }) => status === 'rejected')).not.toEqual([]);
    });
  }
});
