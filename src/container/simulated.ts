import type { Store } from '../../kvstore/store.ts';
import { hostSandbox, type Sandboxes } from '../dataplane/sandboxes.ts';
import { type Clock, systemClock, type Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { timestamp } from '../lib/time.ts';
import type { Container } from './container.ts';
import { Exits } from './exits.ts';
import { ContainerTable, refuseRemovalWhileRunning } from './own/container-table.ts';
import { refuseSharingWithStopped, resolveSandbox } from './own/sandbox-of.ts';
import type { ExecSpec, LogOptions, OwnRuntime } from './runtime.ts';
import { exitCodeOf, isFatal, parseSignal } from './signals.ts';
import { simulateCheck } from './simulated/check.ts';
import { simulateExec } from './simulated/exec.ts';
import { type LookUp, lookupCommand } from './simulated/lookups.ts';
import { ContainerOutput } from './simulated/output.ts';
import { noPrograms, type Output, type Programs } from './simulated/programs.ts';

export interface SimulatedRuntimeOptions {
  readonly store: Store;
  /** Where its sandboxes are modelled. */
  readonly dataplane: Pick<Sandboxes, 'ensureSandbox' | 'removeSandbox'>;
  readonly log: Logger;
  /** Absent: nothing is known of any. */
  readonly programs?: Programs;
  readonly clock?: Clock;
  /** Absent: a container resolves no name. */
  readonly lookUp?: LookUp;
}

export interface SimulatedRuntime extends OwnRuntime {
  /** The main process ends by itself. @throws not-found | conflict when it does not run */
  exit(id: string, exitCode: number): Promise<void>;
  /** The main process writes. @throws not-found */
  write(id: string, output: Output): void;
}

/**
 * Containers that are records: a started one runs until it is stopped, with or without a command, and
 * ends as a program would that handles no signal (143 after stop, 137 after a kill); unless `programs` knows better.
 */
export function createSimulatedRuntime(options: SimulatedRuntimeOptions): SimulatedRuntime {
  const { store, dataplane, log, programs = noPrograms, clock = systemClock, lookUp } = options;
  const table = new ContainerTable(store, log, { clock });
  const exits = new Exits();
  const outputs = new Map<string, ContainerOutput>();
  /** Ends to come, of programs that end by themselves. */
  const endings = new Map<string, Timer>();
  const sandboxOf = (id: string) => resolveSandbox(table, id);
  /** A test's script goes first. */
  const known: Programs = {
    run: programs.run,
    async exec(container, call) {
      const place = sandboxOf(container.id);
      const asker = place === hostSandbox ? container.id : place;
      const scripted = await programs.exec(container, call);
      return scripted ?? (lookUp && (await lookupCommand((name) => lookUp(asker, name), call.command)));
    },
  };
  const outputOf = (id: string) => {
    const { spec } = table.require(id);
    const output = outputs.get(id) ?? new ContainerOutput(clock, spec.tty);
    outputs.set(id, output);
    return output;
  };

  const ensureSandbox = async (id: string) => {
    if (sandboxOf(id) === id) await dataplane.ensureSandbox(id);
  };
  const end = async (id: string, exitCode: number) => {
    endings.get(id)?.cancel();
    endings.delete(id);
    const hasEnded = await table.setExited(id, { exitCode, finishedAt: timestamp(clock.now()) });
    if (!hasEnded) return;
    outputs.get(id)?.end();
    exits.tell(id, exitCode);
  };
  const run = async (container: Container) => {
    const { id, name } = container;
    const program = await programs.run(container);
    if (!program) return outputOf(id).tell(silence(name));
    outputOf(id).write(program);
    const { exitCode, exitAfterMs = 0 } = program;
    if (exitCode !== undefined)
      endings.set(
        id,
        clock.after(exitAfterMs, () => end(id, exitCode)),
      );
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
      outputs.get(id)?.end();
      outputs.delete(id);
    },
    async prepare(id) {
      refuseSharingWithStopped(table, id);
      await ensureSandbox(id);
    },
    async start(id) {
      const container = table.require(id);
      if (container.state.status === 'running') return container;
      const startedAt = timestamp(clock.now());
      const running = { status: 'running', pid: 0, exitCode: 0, startedAt, error: '' } as const;
      const started = await table.setState(id, running);
      await run(started);
      return started;
    },
    async signal(id, name) {
      const signal = parseSignal(name);
      table.requireRunning(id);
      if (isFatal(signal)) await end(id, exitCodeOf(signal));
    },
    stop: async (id, _timeoutSeconds, name = 'SIGTERM') => {
      table.require(id);
      const signal = parseSignal(name);
      // What a program lives through is followed by SIGKILL.
      await end(id, exitCodeOf(isFatal(signal) ? signal : parseSignal('SIGKILL')));
    },
    async exit(id, exitCode) {
      table.requireRunning(id);
      await end(id, exitCode);
    },
    write: (id, output) => outputOf(id).write(output),
    async release(id) {
      if (sandboxOf(id) === id) await dataplane.removeSandbox(id);
    },
    async setFiles(id) {
      table.require(id);
    },
    onExit: (listener) => exits.listen(listener),
    exec: async (id: string, spec: ExecSpec) => simulateExec(known, clock, table.requireRunning(id), spec),
    check: async (id, check, signal) => simulateCheck(known, clock, table.requireRunning(id), check, signal),
    async attach(id) {
      const { name, state } = table.require(id);
      const output = outputOf(id);
      return output.attach(state.status === 'running' && output.isEmpty ? silence(name) : '');
    },
    logs: (id: string, asked: LogOptions) =>
      outputOf(id).read(asked, table.require(id).state.status === 'running'),
    async top(id) {
      table.requireRunning(id);
      return { titles: [...psTitles], processes: [] };
    },
    sandboxOf,
    async close() {
      for (const timer of endings.values()) timer.cancel();
      for (const output of outputs.values()) output.end();
    },
  };
}

/** Of `ps -ef`, the Engine's default. */
const psTitles = ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'];

/** For who is attached and would wait for output in vain. */
function silence(name: string): string {
  return `fairlead: container ${name} is simulated: it runs no program and writes nothing; it ends with: docker stop ${name}\n`;
}
