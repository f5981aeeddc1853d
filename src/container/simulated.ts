import type { Store } from '../../kvstore/store.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { FairleadError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { timestamp } from '../lib/time.ts';
import { ContainerTable, refuseRemovalWhileRunning } from './container-table.ts';
import { Exits } from './exits.ts';
import type { Runtime } from './runtime.ts';
import { refuseSharingWithStopped, resolveSandbox } from './sandbox-of.ts';
import { exitCodeOf, isFatal, parseSignal } from './signals.ts';

export interface SimulatedRuntimeOptions {
  readonly store: Store;
  /** Where its sandboxes are modelled. */
  readonly dataplane: Pick<Dataplane, 'ensureSandbox' | 'removeSandbox'>;
  readonly log: Logger;
}

/**
 * Containers that are records: a started one runs until it is stopped, with or without a command, and
 * ends as a program would that handles no signal (143 after stop, 137 after a kill).
 */
export function createSimulatedRuntime({ store, dataplane, log }: SimulatedRuntimeOptions): Runtime {
  const table = new ContainerTable(store, log);
  const exits = new Exits();
  const sandboxOf = (id: string) => resolveSandbox(table, id);

  const ensureSandbox = async (id: string) => {
    if (sandboxOf(id) === id) await dataplane.ensureSandbox(id);
  };
  const end = async (id: string, signal: number) => {
    const exitCode = exitCodeOf(signal);
    if (await table.setExited(id, { exitCode, finishedAt: timestamp() })) exits.tell(id, exitCode);
  };

  return {
    kind: 'simulated',
    async recover() {
      await table.load();
      // The model in memory died with the previous daemon; those that ran, still do.
      const running = table.list().filter((container) => container.state.status === 'running');
      for (const { id } of running) await ensureSandbox(id);
    },
    list: () => table.list(),
    get: (id) => table.get(id),
    create: (spec) => table.create(spec),
    update: (id, change) => table.update(id, change),
    async remove(id) {
      refuseRemovalWhileRunning(table.require(id));
      await dataplane.removeSandbox(id);
      await table.delete(id);
    },
    async prepare(id) {
      refuseSharingWithStopped(table, id);
      await ensureSandbox(id);
    },
    async start(id) {
      const container = table.require(id);
      if (container.state.status === 'running') return container;
      return table.setState(id, {
        status: 'running',
        pid: 0,
        exitCode: 0,
        startedAt: timestamp(),
        error: '',
      });
    },
    async signal(id, name) {
      const signal = parseSignal(name);
      table.requireRunning(id);
      if (isFatal(signal)) await end(id, signal);
    },
    stop: async (id, _timeoutSeconds, name = 'SIGTERM') => {
      table.require(id);
      const signal = parseSignal(name);
      // What a program lives through is followed by SIGKILL.
      await end(id, isFatal(signal) ? signal : parseSignal('SIGKILL'));
    },
    async release(id) {
      if (sandboxOf(id) === id) await dataplane.removeSandbox(id);
    },
    async setFiles(id) {
      table.require(id);
    },
    onExit: (listener) => exits.listen(listener),
    exec: (id) => refuse(table, id, 'exec'),
    attach: (id) => refuse(table, id, 'attach'),
    // biome-ignore lint/correctness/useYield: there are no lines to yield
    async *logs(id) {
      await refuse(table, id, 'logs');
    },
    top: (id) => refuse(table, id, 'top'),
    sandboxOf,
    async close() {},
  };
}

async function refuse(table: ContainerTable, id: string, what: string): Promise<never> {
  const { name } = table.require(id);
  throw new FairleadError(
    'unsupported',
    `${what}: the daemon runs in the simulated way, where container ${name} is a record and runs no program; ` +
      `see what it resolves and reaches with: fairlead probe ${name} NAME`,
  );
}
