import { deepStrictEqual, match, ok, rejects, strictEqual } from 'node:assert/strict';
import type { Container, ContainerSpec } from '../../src/container/container.ts';
import type { CommonRuntime } from '../../src/container/runtime.ts';
import { newId } from '../../src/lib/ids.ts';
import { containerSpec } from '../rig/container-spec.ts';
import { until } from '../rig/until.ts';

/** What every runtime must do, a Docker Engine's as well. A check rejects when it does not. */
export interface CommonCheck {
  readonly name: string;
  readonly run: (place: CommonPlace) => Promise<void>;
}

export interface CommonPlace {
  readonly runtime: CommonRuntime;
  /** Of a container that runs until it is stopped. */
  readonly lasting: Partial<ContainerSpec>;
  start(runtime: CommonRuntime, id: string): Promise<Container>;
  /** What the next daemon on the same state would have; the one before is closed. */
  reopen(): Promise<CommonRuntime>;
}

interface Exit {
  readonly id: string;
  readonly exitCode: number;
  readonly status: unknown;
}

function exitsOf(runtime: CommonRuntime): readonly Exit[] {
  const exits: Exit[] = [];
  runtime.onExit((id, exitCode) => exits.push({ id, exitCode, status: runtime.get(id)?.state.status }));
  return exits;
}

function create({ runtime, lasting }: CommonPlace, name: string): Promise<Container> {
  return runtime.create(containerSpec({ ...lasting, name }));
}

async function run(place: CommonPlace, name: string): Promise<Container> {
  const { id } = await create(place, name);
  return await place.start(place.runtime, id);
}

async function endOf(runtime: CommonRuntime, exits: readonly Exit[], id: string): Promise<Exit> {
  await until(
    'its end is told',
    () => exits.length,
    (count) => count > 0,
  );
  const [exit, ...more] = exits;
  deepStrictEqual(more, []);
  ok(exit);
  deepStrictEqual([exit.id, exit.status], [id, 'exited']);
  strictEqual(exit.exitCode, runtime.get(id)?.state.exitCode);
  return exit;
}

const records: readonly CommonCheck[] = [
  {
    name: 'a created container has an id and the name that was asked for, and does not run',
    async run(place) {
      const { runtime } = place;
      const container = await create(place, 'made');
      match(container.id, /^[0-9a-f]{64}$/);
      deepStrictEqual([container.name, container.state.status], ['made', 'created']);
      deepStrictEqual(runtime.get(container.id), container);
      deepStrictEqual(runtime.list(), [container]);
      strictEqual(runtime.get(newId()), undefined);
      strictEqual(runtime.sandboxOf(container.id), container.id);
    },
  },
  {
    name: 'the next daemon finds every container, in the order of creation',
    async run(place) {
      const made: string[] = [];
      for (const name of ['zed', 'mid', 'abc']) made.push((await create(place, name)).id);
      const ids = (runtime: CommonRuntime) => runtime.list().map(({ id }) => id);
      deepStrictEqual(ids(place.runtime), made);
      deepStrictEqual(ids(await place.reopen()), made);
    },
  },
  {
    name: 'a name is taken until its container is renamed, and the next daemon knows the new one',
    async run(place) {
      const { runtime } = place;
      const { id } = await create(place, 'before');
      await rejects(create(place, 'before'), { kind: 'conflict' });
      strictEqual((await runtime.update(id, { name: 'after' })).name, 'after');
      await create(place, 'before');
      await rejects(runtime.update(id, { name: 'before' }), { kind: 'conflict' });
      strictEqual((await place.reopen()).get(id)?.name, 'after');
    },
  },
  {
    name: 'what does not exist is not found, by every call',
    async run({ runtime }) {
      const id = newId();
      // The Engine says before it what it was about to do.
      const missing = { kind: 'not-found', message: new RegExp(`No such container: ${id}$`) };
      await rejects(runtime.update(id, { name: 'other' }), missing);
      await rejects(runtime.remove(id), missing);
      await rejects(runtime.stop(id, 1), missing);
      await rejects(runtime.signal(id, 'TERM'), missing);
      await rejects(async () => {
        for await (const _ of runtime.logs(id, { follow: false }));
      }, missing);
    },
  },
];

const life: readonly CommonCheck[] = [
  {
    name: 'one that is stopped has ended, and its end is told once',
    async run(place) {
      const { runtime } = place;
      const exits = exitsOf(runtime);
      const { id, state } = await run(place, 'stopped');
      strictEqual(state.status, 'running');
      ok(Math.abs(Date.parse(state.startedAt) - Date.now()) < 60_000);
      await runtime.stop(id, 10);
      strictEqual(runtime.get(id)?.state.status, 'exited');
      await runtime.stop(id, 10);
      strictEqual((await endOf(runtime, exits, id)).exitCode, 143);
      const lines: unknown[] = [];
      for await (const line of runtime.logs(id, { follow: true })) lines.push(line);
      deepStrictEqual(lines, []);
    },
  },
  {
    name: 'SIGKILL ends it with 137, and what is no signal is refused',
    async run(place) {
      const { runtime } = place;
      const exits = exitsOf(runtime);
      const { id } = await run(place, 'killed');
      for (const signal of ['SIGFOO', '0', '65', '']) {
        await rejects(runtime.signal(id, signal), { kind: 'invalid', message: `invalid signal: ${signal}` });
      }
      strictEqual(runtime.get(id)?.state.status, 'running');
      await runtime.signal(id, '9');
      strictEqual((await endOf(runtime, exits, id)).exitCode, 137);
      await rejects(runtime.signal(id, 'KILL'), { kind: 'conflict' });
    },
  },
  {
    name: 'one that runs is not removed, one that has ended is, and its name is free',
    async run(place) {
      const { runtime } = place;
      const { id } = await run(place, 'gone');
      await rejects(runtime.remove(id), { kind: 'conflict' });
      await runtime.stop(id, 10);
      await runtime.remove(id);
      strictEqual(runtime.get(id), undefined);
      await create(place, 'gone');
      deepStrictEqual(
        (await place.reopen()).list().map(({ name }) => name),
        ['gone'],
      );
    },
  },
  {
    name: 'what ran still runs for the next daemon, and its end is told there',
    async run(place) {
      const { id } = await run(place, 'running');
      const next = await place.reopen();
      const exits = exitsOf(next);
      strictEqual(next.get(id)?.state.status, 'running');
      await next.stop(id, 10);
      await endOf(next, exits, id);
    },
  },
];

export const commonChecks: readonly CommonCheck[] = [...records, ...life];
