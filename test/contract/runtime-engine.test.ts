import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryLedger, MemoryStore } from '../../kvstore/local/memory.ts';
import { createEngineRuntime } from '../../src/container/engine.ts';
import type { EngineRuntime } from '../../src/container/runtime.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { containerSpec } from '../rig/container-spec.ts';
import { type Engine, startEngine } from '../rig/dockerd.ts';
import { type CommonPlace, commonChecks } from './runtime-common.ts';

/** As a program would that handles no signal: the Engine's init has no such default. */
const lasting = {
  image: 'busybox',
  command: ['sh', '-c', 'trap "exit 143" TERM; while :; do sleep 0.1; done'],
};

describe("a Docker Engine's runtime", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine?.[Symbol.asyncDispose]());

  async function open(store: MemoryStore): Promise<EngineRuntime> {
    const { socketPath } = engine;
    const { runtime } = await createEngineRuntime({
      ...{ socketPath, store, log: silentLogger },
      // RFC 5737: an address of nobody.
      resolver: '192.0.2.53',
    });
    await runtime.recover();
    return runtime;
  }

  /** With an Engine that has no containers, before and after. */
  async function inPlace(use: (place: CommonPlace) => Promise<void>): Promise<void> {
    const ledger = createMemoryLedger();
    const first = await open(new MemoryStore(ledger));
    let last = first;
    const start = (_: unknown, id: string) => last.start(id);
    const reopen = async () => {
      await last.close();
      last = await open(new MemoryStore(ledger));
      return last;
    };
    try {
      await use({ runtime: first, lasting, start, reopen });
    } finally {
      for (const { id } of last.list()) await last.remove(id, { force: true });
      await last.close();
    }
  }

  for (const { name, run } of commonChecks) test(name, () => inPlace(run));

  test('gives the log, in the order of the lines and from both streams, whole and followed', async () => {
    await inPlace(async ({ runtime, start }) => {
      const command = ['sh', '-c', 'echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three'];
      const { id } = await runtime.create(containerSpec({ name: 'says', image: 'busybox', command }));
      await start(runtime, id);
      const linesOf = async (options: Parameters<EngineRuntime['logs']>[1]) => {
        const lines: string[] = [];
        for await (const { stream, data } of runtime.logs(id, options)) lines.push(`${stream} ${data}`);
        return lines;
      };
      const all = ['stdout one\n', 'stderr two\n', 'stdout three\n'];
      expect(await linesOf({ follow: true })).toEqual(all);
      expect((await linesOf({ follow: false })).toSorted()).toEqual(all.toSorted());
      expect(await linesOf({ follow: false, tail: 1 })).toEqual(['stdout three\n']);
    });
  });

  test('names the network namespace of what runs, and of nothing else', async () => {
    await inPlace(async ({ runtime, start }) => {
      const { id } = await runtime.create(containerSpec({ ...lasting, name: 'inside' }));
      expect(runtime.namespaceOf?.(id)).toBeUndefined();
      const { state } = await start(runtime, id);
      expect(runtime.namespaceOf?.(id)).toBe(`/proc/${state.pid}/ns/net`);
    });
  });
});
