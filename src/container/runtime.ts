import type { Readable, Writable } from 'node:stream';
import { FairleadError } from '../lib/errors.ts';
import type { Container, ContainerChange, ContainerSpec, HealthCheck } from './container.ts';
import type { CheckResult } from './health/health-check.ts';

export type * from './container.ts';

/**
 * Where containers are kept and run. A runtime knows nothing of networks: src/network decides what is plugged into a
 * container's sandbox. Callers that need more than CommonRuntime narrow by `kind`.
 */
export type Runtime = OwnRuntime | EngineRuntime;

/** What every runtime has. */
export interface CommonRuntime {
  /**
   * Finds the containers that a previous daemon left, running ones included. After: `list` is true.
   * Called once, before anything else.
   */
  recover(): Promise<void>;

  /** In the order of creation. */
  list(): readonly Container[];
  get(id: string): Container | undefined;
  /** Ids of containers that run here without a record: nobody may touch what could be theirs. */
  unknown?(): readonly string[];

  /** @throws conflict when the name is taken (compared without case). The container is `created`, not started. */
  create(spec: ContainerSpec): Promise<Container>;
  /**
   * Replaces what may change of a container's record: its name, attachments, and what is kept with them.
   * @throws not-found | conflict (name taken)
   */
  update(id: string, change: ContainerChange): Promise<Container>;
  /**
   * Before: not running. After: record, logs and sandbox are gone. `force`: also where the runtime itself is about to
   * start it again, as an Engine does.
   */
  remove(id: string, options?: { readonly force?: boolean }): Promise<void>;

  /** Sends the signal to the main process (`SIGTERM`, `9`). Without a command, any fatal one ends the container. */
  signal(id: string, signal: string): Promise<void>;
  /** The signal, then SIGKILL after `timeoutSeconds`. After: state `exited`; resolves at once if not running. */
  stop(id: string, timeoutSeconds: number, signal?: string): Promise<void>;
  /** Told of every end of a container's main process, asked for or not, once each, after the state changed. */
  onExit(listener: (id: string, exitCode: number) => void): void;
  logs(id: string, options: LogOptions): AsyncIterable<LogLine>;

  /** The data-plane sandbox that the container's interfaces are in: its own, `hostSandbox`, or another's. */
  sandboxOf(id: string): string;
  /** Path of a running container's network namespace, where it is not the data plane that made it. */
  namespaceOf?(id: string): string | undefined;
  /** Lets go without stopping anything: containers go on running. */
  close(): Promise<void>;
}

/** Runs the containers itself: sandbox.ts (host programs in network namespaces), simulated.ts (records). */
export interface OwnRuntime extends CommonRuntime {
  readonly kind: 'sandbox' | 'simulated';

  /** After: the container's sandbox exists and can be plugged; its command is not running yet. Repeatable. */
  prepare(id: string): Promise<void>;
  /**
   * Before: prepared and plugged. Starts the command (none: the container just holds its network).
   * @throws invalid when the program is not found or cannot be run; the state is then `created` or `exited` as before
   */
  start(id: string, files: ContainerFiles): Promise<Container>;
  /** After an exit: takes the sandbox away, so that nothing of a stopped container is left in the kernel. */
  release(id: string): Promise<void>;
  /** Rewrites the files that a running container sees as /etc/resolv.conf and /etc/hosts. */
  setFiles(id: string, files: ContainerFiles): Promise<void>;

  /** @throws conflict when not running */
  exec(id: string, spec: ExecSpec): Promise<ExecProcess>;
  /**
   * Runs the health check once. Resolves within its timeout, or soon after `signal`: what has not ended then is killed,
   * and all that it has started. @throws conflict when not running
   */
  check(id: string, check: HealthCheck, signal: AbortSignal): Promise<CheckResult>;
  /**
   * Live streams; those of a container that does not run yet begin with its next start, and nothing is lost.
   * Destroying `stdout` detaches; ending `stdin` ends the program's.
   */
  attach(id: string): Promise<ProcessStreams>;
  /** The processes of a running container; none without a command. @throws invalid */
  top(id: string, psArgs: string): Promise<ProcessTable>;
}

/**
 * A Docker Engine's containers (engine.ts). It makes sandboxes and files by itself, and clients have their streams
 * from it directly (src/api/host-engine).
 */
export interface EngineRuntime extends CommonRuntime {
  readonly kind: 'engine';
  start(id: string): Promise<Container>;
}

/** @throws unsupported for an Engine's: its clients ask the Engine */
export function ownRuntime(runtime: Runtime): OwnRuntime {
  if (runtime.kind !== 'engine') return runtime;
  throw new FairleadError('unsupported', 'the Docker Engine runs the containers, and does this itself');
}

export interface ContainerFiles {
  /** Whole texts. */
  readonly resolvConf: string;
  readonly hosts: string;
}

export interface ExecSpec {
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly tty: boolean;
  readonly attachStdin: boolean;
  /** Has all capabilities, whatever the container has. */
  readonly privileged?: boolean;
}

export interface ProcessStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Never readable data with a TTY. */
  readonly stderr: Readable;
  resize(columns: number, rows: number): void;
}

export interface ExecProcess extends ProcessStreams {
  readonly pid: number;
  /** Resolves with the exit code: 128 + signal when killed; 126 not executable, 127 not found. */
  readonly exited: Promise<number>;
}

/** As `ps` prints it. */
export interface ProcessTable {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

export interface LogOptions {
  /** Goes on with new lines until the container ends. */
  readonly follow: boolean;
  /** Only the last n lines; undefined: all. */
  readonly tail?: number;
  /** Unix time in seconds, may have a fraction. */
  readonly since?: number;
  readonly until?: number;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  /** Raw bytes, newline included where the program wrote one. */
  readonly data: Buffer;
}
