import type { Store } from '../../kvstore/store.ts';
import type { Sandboxes } from '../dataplane/sandboxes.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import { timestamp } from '../lib/time.ts';
import type { Container, HealthCheck } from './container.ts';
import { Exits } from './exits.ts';
import type { CheckResult } from './health/health-check.ts';
import { ContainerTable, refuseRemovalWhileRunning } from './own/container-table.ts';
import { refuseSharingWithStopped, resolveSandbox } from './own/sandbox-of.ts';
import type {
  ContainerFiles,
  ExecProcess,
  ExecSpec,
  LogLine,
  LogOptions,
  OwnRuntime,
  ProcessStreams,
  ProcessTable,
} from './runtime.ts';
import { runCheck } from './sandbox/check.ts';
import { furtherProgram } from './sandbox/command.ts';
import { hostnameOf } from './sandbox/hostname.ts';
import { initPid } from './sandbox/namespaces/namespaces.ts';
import { endProcess, PauseProcesses } from './sandbox/pause-process.ts';
import { killTree, type ProcessIdentity } from './sandbox/process-identity.ts';
import { CommandError } from './sandbox/programs.ts';
import { writeNetworkFiles } from './sandbox/records/directory.ts';
import { readLog } from './sandbox/records/log-reader.ts';
import { RecordFiles } from './sandbox/records/record-files.ts';
import {
  clearLeftovers,
  describeUnknown,
  findRunning,
  noteBoot,
  stillRuns,
  type UnknownContainer,
} from './sandbox/records/recovery.ts';
import { SandboxSetup, type SandboxSetupOptions } from './sandbox/sandbox-setup.ts';
import { Attachment } from './sandbox/shim-client/attachment.ts';
import { execIn, failedExec } from './sandbox/shim-client/exec.ts';
import { connectToShim, shimPatience } from './sandbox/shim-client/shim-connection.ts';
import { Supervisor } from './sandbox/shim-client/supervisor.ts';
import { WaitingClients } from './sandbox/shim-client/waiting-clients.ts';
import { listProcesses } from './sandbox/top.ts';
import type { ExitRecord } from './shim/protocol.ts';
import { exitCodeOf, isFatal, parseSignal } from './signals.ts';
import { Volumes, volumesOnDisk } from './volumes.ts';

export interface SandboxRuntimeOptions extends SandboxSetupOptions {
  readonly store: Store;
  readonly dataplane: Sandboxes;
  readonly log: Logger;
}

/**
 * Containers are network namespaces; their commands are programs of the host, run in namespaces of their
 * own (sandbox/namespaces/namespaces.ts) below a shim (shim/main.ts) that outlives the daemon. One without a command
 * is only its network namespace, and ends as a program would that handles no signal: 143 after stop.
 */
export function createSandboxRuntime(options: SandboxRuntimeOptions): OwnRuntime {
  return new SandboxRuntime(options);
}

class SandboxRuntime implements OwnRuntime {
  readonly kind = 'sandbox';
  readonly #files: RecordFiles;
  readonly #table: ContainerTable;
  readonly #exits = new Exits();
  readonly #supervisor: Supervisor;
  readonly #pauses: PauseProcesses;
  readonly #setup: SandboxSetup;
  readonly #clients = new WaitingClients();
  #unknown: readonly UnknownContainer[] = [];
  readonly #patience: number;

  constructor(private readonly options: SandboxRuntimeOptions) {
    this.#files = new RecordFiles(options.store, options.directory, options.log);
    this.#patience = options.patience ?? shimPatience;
    this.#table = new ContainerTable(options.store, options.log, { keeper: this.#files });
    this.#setup = new SandboxSetup(this.#table, options);
    this.#pauses = new PauseProcesses(options.directory, (id) => this.#setup.hold(id));
    this.#supervisor = new Supervisor(this.#patience, (id, exit) => this.#end(id, exit));
  }

  async recover(): Promise<void> {
    await this.#table.load();
    const { directory, dataplane, log } = this.options;
    this.#unknown = await clearLeftovers(directory, this.#table, (id) => dataplane.sandboxPath(id));
    for (const one of this.#unknown) log.warn(describeUnknown(one));
    const running = this.#table.list().filter(isRunning);
    await Promise.all(running.map((container) => this.#takeOver(container)));
    await this.#files.saveMissing(this.#table.list());
  }

  list(): readonly Container[] {
    return this.#table.list();
  }

  unknown(): readonly string[] {
    const { dataplane } = this.options;
    return this.#unknown.filter((one) => stillRuns(one, dataplane.sandboxPath(one.id))).map(({ id }) => id);
  }

  get(id: string): Container | undefined {
    return this.#table.get(id);
  }

  create(spec: Container['spec']): Promise<Container> {
    return this.#table.create(spec);
  }

  update(id: string, change: Parameters<OwnRuntime['update']>[1]): Promise<Container> {
    return this.#table.update(id, change);
  }

  async remove(id: string): Promise<void> {
    const container = this.#table.require(id);
    refuseRemovalWhileRunning(container);
    await this.release(id);
    this.#clients.end(id);
    await this.#table.delete(id);
    if (container.spec.autoRemove) {
      new Volumes(volumesOnDisk(this.options.volumes)).removeAnonymous(container, this.#table.list());
    }
  }

  async prepare(id: string): Promise<void> {
    refuseSharingWithStopped(this.#table, id);
    const { spec, state } = this.#table.require(id);
    if (spec.command.length > 0 && state.status !== 'running') await this.#setup.warmUp(id);
    else await this.#setup.ensureSandbox(id);
  }

  async start(id: string, files: ContainerFiles): Promise<Container> {
    const container = this.#table.require(id);
    if (isRunning(container)) return container;
    try {
      const paths = this.#setup.paths(id);
      writeNetworkFiles(paths, files);
      if (container.spec.command.length > 0) return await this.#startCommand(container);
      noteBoot(paths);
      return await this.#table.setState(id, { ...running, pid: 0, startedAt: timestamp(Date.now()) });
    } catch (error) {
      const exitCode = error instanceof CommandError ? error.exitCode : container.state.exitCode;
      await this.#table.setState(id, { error: messageOf(error), exitCode });
      throw error;
    }
  }

  async signal(id: string, name: string): Promise<void> {
    const signal = parseSignal(name);
    const { spec } = this.#table.requireRunning(id);
    if (spec.command.length > 0) await this.#supervisor.signal(id, signal);
    else if (isFatal(signal)) await this.#endWithoutCommand(id, signal);
  }

  async stop(id: string, timeoutSeconds: number, name = 'SIGTERM'): Promise<void> {
    const container = this.#table.require(id);
    if (!isRunning(container)) return;
    const signal = parseSignal(name);
    if (container.spec.command.length > 0) await this.#supervisor.stop(id, signal, timeoutSeconds);
    else await this.#endWithoutCommand(id, isFatal(signal) ? signal : parseSignal('SIGKILL'));
  }

  async release(id: string): Promise<void> {
    const own = this.sandboxOf(id) === id;
    refuseRemovalWhileRunning(this.#table.require(id));
    await this.#setup.clear(id);
    if (own) await this.options.dataplane.removeSandbox(id);
  }

  async setFiles(id: string, files: ContainerFiles): Promise<void> {
    this.#table.require(id);
    writeNetworkFiles(this.#setup.paths(id), files);
  }

  onExit(listener: (id: string, exitCode: number) => void): void {
    this.#exits.listen(listener);
  }

  async exec(id: string, spec: ExecSpec): Promise<ExecProcess> {
    const container = this.#table.requireRunning(id);
    try {
      const program = furtherProgram(hostnameOf(this.#table, id), container, spec);
      return await execIn(this.#setup.paths(id), await this.#outer(container), program, this.#patience);
    } catch (error) {
      if (error instanceof CommandError) return failedExec(error, spec.tty);
      throw error;
    }
  }

  check(id: string, check: HealthCheck, signal: AbortSignal): Promise<CheckResult> {
    return runCheck((spec) => this.exec(id, spec), check, signal);
  }

  async attach(id: string): Promise<ProcessStreams> {
    const container = this.#table.require(id);
    const attachment = new Attachment();
    if (isRunning(container)) await this.#connect(id, attachment);
    else this.#clients.add(id, attachment);
    return attachment;
  }

  logs(id: string, options: LogOptions): AsyncIterable<LogLine> {
    this.#table.require(id);
    return readLog(
      this.#setup.paths(id).root,
      options,
      () => this.#table.get(id)?.state.status === 'running',
    );
  }

  async top(id: string, psArgs: string): Promise<ProcessTable> {
    const container = this.#table.requireRunning(id);
    const init = initPid(await this.#outer(container)) ?? container.state.pid;
    return await listProcesses(init, container.state.pid, psArgs);
  }

  sandboxOf(id: string): string {
    return resolveSandbox(this.#table, id);
  }

  async close(): Promise<void> {
    await this.#setup.close();
    await this.#supervisor.close();
  }

  async #startCommand(container: Container): Promise<Container> {
    const { id } = container;
    const clients = this.#clients.take(id);
    try {
      const { outer, pid } = await this.#setup.launch(container, clients.length);
      const recorded = this.#table.setState(id, { ...running, pid, startedAt: timestamp(Date.now()) });
      this.#supervisor.watch(id, this.#setup.paths(id), outer, recorded);
      await recorded.catch(() => killTree(outer));
      for (const client of clients) await this.#connect(id, client);
      return await recorded;
    } catch (error) {
      for (const client of clients) client.end();
      throw error;
    }
  }

  async #takeOver(container: Container): Promise<void> {
    const { id } = container;
    const paths = this.#setup.paths(id);
    const found = findRunning(container, paths, this.#setup.networkNamespace(id));
    if (found.kind === 'running') {
      if (found.outer && container.spec.command.length > 0) {
        this.#supervisor.watch(id, paths, found.outer, Promise.resolve());
      }
      return;
    }
    await endProcess(paths);
    await this.#end(id, found.exit);
  }

  async #end(id: string, { exitCode, finishedAt, error }: ExitRecord): Promise<void> {
    if (error !== undefined) this.options.log.error({ container: id }, `container ${id}: ${error}`);
    if (await this.#table.setExited(id, { exitCode, finishedAt, error: error ?? '' }))
      this.#exits.tell(id, exitCode);
  }

  async #endWithoutCommand(id: string, signal: number): Promise<void> {
    await this.#pauses.end(id);
    await this.#end(id, { exitCode: exitCodeOf(signal), finishedAt: timestamp(Date.now()) });
  }

  /** Who runs it. @throws conflict when it has just ended */
  async #outer({ id, spec }: Container): Promise<ProcessIdentity> {
    const outer = spec.command.length > 0 ? this.#supervisor.outerOf(id) : await this.#pauses.ensure(id);
    if (outer) return outer;
    throw new FairleadError('conflict', `container ${id} is not running`);
  }

  async #connect(id: string, attachment: Attachment): Promise<void> {
    try {
      attachment.connect(await connectToShim(this.#setup.paths(id).root, this.#patience));
    } catch {
      // It has just ended, or it has no command whose streams there could be.
      attachment.end();
    }
  }
}

/** What a start makes of the state, but for pid and time. */
const running = { status: 'running', exitCode: 0, error: '' } as const;

function isRunning({ state }: Container): boolean {
  return state.status === 'running';
}
