import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from 'node:assert/strict';
import type { Container, ContainerSpec } from '../../src/container/container.ts';
import type { OwnRuntime } from '../../src/container/runtime.ts';
import { hostSandbox } from '../../src/dataplane/sandboxes.ts';
import { newId } from '../../src/lib/ids.ts';
import { containerFiles, containerSpec } from '../rig/container-spec.ts';

/** What every runtime that keeps its own records must do. A check rejects when it does not. */
export interface RuntimeCheck {
  readonly name: string;
  readonly run: (place: RuntimePlace) => Promise<void>;
}

export interface RuntimePlace {
  readonly runtime: OwnRuntime;
  /** What the next daemon on the same state would have; the one before is closed. */
  reopen(): Promise<OwnRuntime>;
}

async function run(runtime: OwnRuntime, spec: Partial<ContainerSpec> = {}): Promise<Container> {
  const { id } = await runtime.create(containerSpec(spec));
  await runtime.prepare(id);
  return runtime.start(id, containerFiles);
}

function exitsOf(
  runtime: OwnRuntime,
): { readonly id: string; readonly exitCode: number; readonly status: unknown }[] {
  const exits: { id: string; exitCode: number; status: unknown }[] = [];
  runtime.onExit((id, exitCode) => exits.push({ id, exitCode, status: runtime.get(id)?.state.status }));
  return exits;
}

/** Every member set, so that one which a record loses shows. */
const fullSpec = containerSpec({
  name: 'full',
  env: ['A=1'],
  workingDir: '/tmp',
  user: 'nobody',
  hostname: 'h',
  domainname: 'example.org',
  tty: true,
  openStdin: true,
  labels: { 'com.example.a': 'b' },
  networkMode: { kind: 'network', network: 'foo' },
  dns: ['192.0.2.1'],
  dnsSearch: ['example.org'],
  dnsOptions: ['timeout:1'],
  extraHosts: ['a:192.0.2.2'],
  exposedPorts: [{ protocol: 'tcp', port: 80 }],
  autoRemove: true,
  publishServices: ['db.foo'],
  extras: { Config: { StdinOnce: true } },
  attachments: [
    {
      network: 'foo',
      serviceId: 's',
      publish: 'db',
      aliases: ['a'],
      ipv4: '10.0.0.2',
      ipv6: 'fd00::2',
      mac: '02:42:0a:00:00:02',
      gatewayPriority: 1,
      driverOptions: { k: 'v' },
      networkName: 'foo',
      endpoint: {
        id: '1'.repeat(64),
        networkId: '2'.repeat(64),
        nodeId: '3'.repeat(64),
        containerId: '4'.repeat(64),
        containerName: 'c',
        name: 'db',
        serviceId: '5'.repeat(64),
        created: '2015-06-01T00:00:00Z',
        ipv4: '10.0.0.2/24',
        ipv6: 'fd00::2/64',
        mac: '02:42:0a:00:00:02',
        aliases: ['a'],
        ports: [{ protocol: 'tcp', port: 80 }],
        healthy: true,
      },
      interface: {
        name: 'eth0',
        source: { kind: 'veth', hostName: 'v', bridge: 'b' },
        gateway: '10.0.0.1',
        gateway6: 'fd00::1',
        resolver: '10.0.0.1',
      },
    },
  ],
});

const records: RuntimeCheck[] = [
  {
    name: 'a created container has an id, a name and has never run',
    async run({ runtime }) {
      const container = await runtime.create(containerSpec());
      match(container.id, /^[0-9a-f]{64}$/);
      match(container.name, /^[a-z]+_[a-z]+\d*$/);
      match(container.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
      const never = '0001-01-01T00:00:00Z';
      const state = {
        status: 'created',
        pid: 0,
        exitCode: 0,
        startedAt: never,
        finishedAt: never,
        error: '',
      };
      deepStrictEqual(container.state, state);
      deepStrictEqual(runtime.get(container.id), container);
      strictEqual(runtime.get(newId()), undefined);
    },
  },
  {
    name: 'the next daemon finds every member of every record, in the order of creation',
    async run({ runtime, reopen }) {
      const made: Container[] = [await runtime.create(fullSpec)];
      for (let count = 0; count < 8; count++) made.push(await runtime.create(containerSpec()));
      deepStrictEqual(made[0]?.spec, fullSpec);
      deepStrictEqual(runtime.list(), made);
      deepStrictEqual((await reopen()).list(), made);
    },
  },
  {
    name: 'update changes name and attachments, and the next daemon sees it',
    async run({ runtime, reopen }) {
      const { id } = await runtime.create(containerSpec({ name: 'before' }));
      await runtime.update(id, { attachments: fullSpec.attachments });
      const updated = await runtime.update(id, { name: 'after' });
      strictEqual(updated.name, 'after');
      deepStrictEqual(updated.attachments, fullSpec.attachments);
      deepStrictEqual(runtime.get(id), updated);
      deepStrictEqual((await reopen()).get(id), updated);
      await rejects(runtime.update(newId(), { name: 'other' }), { kind: 'not-found' });
    },
  },
  {
    name: 'a removed container leaves nothing, and its name is free',
    async run({ runtime, reopen }) {
      const { id } = await run(runtime, { name: 'gone' });
      await rejects(runtime.remove(id), { kind: 'conflict' });
      await runtime.stop(id, 10);
      await runtime.remove(id);
      deepStrictEqual(runtime.list(), []);
      await runtime.create(containerSpec({ name: 'GONE' }));
      deepStrictEqual(
        (await reopen()).list().map(({ name }) => name),
        ['GONE'],
      );
    },
  },
  {
    name: 'settings that no record can hold are refused in one line',
    async run({ runtime }) {
      const labels = { big: 'x'.repeat(70_000) };
      await rejects(runtime.create(containerSpec({ name: 'big', labels })), {
        kind: 'invalid',
        message: /^container big: its settings take \d+ bytes, at most 65536 can be kept$/,
      });
      await runtime.create(containerSpec({ name: 'big' }));
    },
  },
];

const names: RuntimeCheck[] = [
  {
    name: 'a name is taken without regard to case, until its container is renamed',
    async run({ runtime }) {
      const { id } = await runtime.create(containerSpec({ name: '/web' }));
      const taken = {
        kind: 'conflict',
        message:
          `Conflict. The container name "/WEB" is already in use by container "${id}". ` +
          'You have to remove (or rename) that container to be able to reuse that name.',
      };
      await rejects(runtime.create(containerSpec({ name: 'WEB' })), taken);
      const other = await runtime.create(containerSpec({ name: 'other' }));
      await rejects(runtime.update(other.id, { name: 'WEB' }), taken);
      strictEqual(runtime.get(other.id)?.name, 'other');
      await runtime.update(id, { name: 'Web' });
      await runtime.update(id, { name: 'db' });
      await runtime.update(other.id, { name: 'WEB' });
    },
  },
  {
    name: 'of twenty that want one name at once, one gets it',
    async run({ runtime }) {
      const wanted = Array.from({ length: 20 }, () => runtime.create(containerSpec({ name: 'one' })));
      const results = await Promise.allSettled(wanted);
      strictEqual(results.filter(({ status }) => status === 'fulfilled').length, 1);
      strictEqual(runtime.list().length, 1);
    },
  },
  {
    name: 'names are those of the Engine, whether DNS has room for them or not',
    async run({ runtime }) {
      const rule = 'only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed';
      for (const name of ['c', '-c', 'a b', '_ab', 'ä1', '../x']) {
        const message = `Invalid container name (${name}), ${rule}`;
        await rejects(runtime.create(containerSpec({ name })), { kind: 'invalid', message });
      }
      deepStrictEqual(runtime.list(), []);
      // Engine 28.5.2 makes a container of each.
      const taken = ['x'.repeat(64), `a.${'y'.repeat(64)}.b`, 'a..b', 'ab-', 'ab.'];
      for (const name of taken) await runtime.create(containerSpec({ name }));
      deepStrictEqual(new Set(runtime.list().map(({ name }) => name)), new Set(taken));
    },
  },
];

const life: RuntimeCheck[] = [
  {
    name: 'one without a command runs until it is stopped, and ends as if it handled no signal',
    async run({ runtime }) {
      const exits = exitsOf(runtime);
      const { id, state } = await run(runtime);
      strictEqual(state.status, 'running');
      strictEqual(state.pid, 0);
      ok(Math.abs(Date.parse(state.startedAt) - Date.now()) < 60_000);
      strictEqual((await runtime.start(id, containerFiles)).state.startedAt, state.startedAt);
      await runtime.stop(id, 10);
      await runtime.stop(id, 10);
      deepStrictEqual(exits, [{ id, exitCode: 143, status: 'exited' }]);
      const ended = runtime.get(id)?.state;
      strictEqual(ended?.exitCode, 143);
      ok(Math.abs(Date.parse(ended?.finishedAt ?? '') - Date.now()) < 60_000);
    },
  },
  {
    name: 'fatal signals end it with 128 + n, others do nothing, unknown ones are refused',
    async run({ runtime }) {
      const exits = exitsOf(runtime);
      const { id } = await run(runtime);
      await runtime.signal(id, 'SIGWINCH');
      await runtime.signal(id, 'cont');
      strictEqual(runtime.get(id)?.state.status, 'running');
      for (const signal of ['SIGFOO', '0', '65', '']) {
        await rejects(runtime.signal(id, signal), { kind: 'invalid', message: `invalid signal: ${signal}` });
      }
      await runtime.signal(id, '9');
      await rejects(runtime.signal(id, 'KILL'), {
        kind: 'conflict',
        message: `container ${id} is not running`,
      });
      await runtime.prepare(id);
      await runtime.start(id, containerFiles);
      await runtime.signal(id, 'INT');
      deepStrictEqual(
        exits.map(({ exitCode }) => exitCode),
        [137, 130],
      );
    },
  },
  {
    name: 'what ran still runs for the next daemon, and what ended stays ended',
    async run({ runtime, reopen }) {
      const running = await run(runtime, { name: 'running' });
      const { id: ended } = await run(runtime, { name: 'ended' });
      await runtime.stop(ended, 10);
      await runtime.release(ended);
      const endedBefore = runtime.get(ended);
      const next = await reopen();
      const exits = exitsOf(next);
      deepStrictEqual(next.get(running.id), running);
      deepStrictEqual(next.get(ended), endedBefore);
      await next.stop(running.id, 10);
      deepStrictEqual(exits, [{ id: running.id, exitCode: 143, status: 'exited' }]);
    },
  },
  {
    name: "a sandbox is its own, the host's or another's, who must be running",
    async run({ runtime }) {
      const own = await runtime.create(containerSpec());
      const host = await runtime.create(containerSpec({ networkMode: { kind: 'host' } }));
      const sharing = { kind: 'container', containerId: own.id } as const;
      const sharer = await runtime.create(containerSpec({ networkMode: sharing }));
      strictEqual(runtime.sandboxOf(own.id), own.id);
      strictEqual(runtime.sandboxOf(host.id), hostSandbox);
      strictEqual(runtime.sandboxOf(sharer.id), own.id);
      const message = `cannot join network of a non running container: ${own.id}`;
      await rejects(runtime.prepare(sharer.id), { kind: 'conflict', message });
      await runtime.prepare(own.id);
      await runtime.start(own.id, containerFiles);
      await runtime.prepare(sharer.id);
      await runtime.start(sharer.id, containerFiles);
      await runtime.stop(sharer.id, 10);
      await runtime.release(sharer.id);
      await runtime.stop(own.id, 10);
      await runtime.release(own.id);
      await runtime.release(own.id);
    },
  },
  {
    name: 'what does not exist is not found, by every call',
    async run({ runtime }) {
      const id = newId();
      const missing = { kind: 'not-found', message: `No such container: ${id}` };
      await rejects(runtime.prepare(id), missing);
      await rejects(runtime.start(id, containerFiles), missing);
      await rejects(runtime.stop(id, 1), missing);
      await rejects(runtime.signal(id, 'TERM'), missing);
      await rejects(runtime.release(id), missing);
      await rejects(runtime.remove(id), missing);
      await rejects(runtime.setFiles(id, containerFiles), missing);
      await rejects(runtime.attach(id), missing);
      throws(() => runtime.sandboxOf(id), missing);
    },
  },
];

export const runtimeChecks: readonly RuntimeCheck[] = [...records, ...names, ...life];
