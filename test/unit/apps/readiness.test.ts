import { describe, expect, it } from 'vitest';
import { becomeReady } from '../../../src/apps/deploy/readiness.ts';
import type { Container } from '../../../src/container/container.ts';
import { createTestModel } from '../../rig/model.ts';

/** A running container with a port, told to be what a test wants. */
async function makeContainer(): Promise<Container> {
  await using model = await createTestModel();
  const { id } = await model.containers.create({
    name: 'shop.web.1.upcoming-00c0ffee',
    image: 'x',
    command: ['serve'],
    exposedPorts: [{ protocol: 'tcp', port: 5000 }],
  });
  const container = await model.containers.start(id);
  return { ...container, state: { ...container.state, pid: 4711 } };
}

/** `seen`: what each look finds, the last one from then on. @returns how many looks it took */
async function looksUntilReady(
  seen: readonly (Container | undefined)[],
  ports: readonly number[],
  patienceMs = 60_000,
): Promise<number> {
  let looks = 0;
  await becomeReady(
    {
      look: () => seen[Math.min(looks++, seen.length - 1)],
      listeningPorts: async () => new Set(ports),
      lastWords: async () => 'no database',
      patienceMs,
    },
    'id',
  );
  return looks;
}

describe('a container is ready', () => {
  it('when it listens on all its ports', async () => {
    const container = await makeContainer();
    expect(await looksUntilReady([container], [5000])).toBe(1);
  });

  it('when it has had its time, though it does not listen', async () => {
    expect(await looksUntilReady([await makeContainer()], [], 100)).toBeGreaterThan(1);
  });

  it('when its health check has succeeded, however long that takes', async () => {
    const healthy = await makeContainer();
    const starting = { ...healthy, healthy: false };
    expect(
      await looksUntilReady([starting, starting, starting, { ...healthy, healthy: true }], [5000], 0),
    ).toBe(4);
  });

  it('never, when it has ended and runs again already', async () => {
    const container = await makeContainer();
    const supervision = { restarts: 1, restarting: false, stopped: false, exitCode: 4 };
    await expect(looksUntilReady([container, { ...container, supervision }], [])).rejects.toThrow(
      'App container shop.web.1 failed to start: it ended with exit code 4: no database',
    );
  });

  it('never, when it ends', async () => {
    const container = await makeContainer();
    const ended = { ...container, state: { ...container.state, status: 'exited', exitCode: 4 } } as const;
    await expect(looksUntilReady([container, ended], [])).rejects.toThrow(
      'App container shop.web.1 failed to start: it ended with exit code 4: no database',
    );
    await expect(looksUntilReady([undefined], [])).rejects.toThrow('failed to start');
  });
});
