/** What daemon and shim say to each other. */

/** One line of JSON on the stdin of a shim, by the daemon that has just started it. */
export interface Job {
  /** Absent: the shim only keeps the container's namespaces, for what is executed in them. */
  readonly program?: ProgramSpec;
  /** Output waits in the pipe until so many clients are attached, so that none misses the beginning. */
  readonly holdFor: number;
  /** The container has a /dev of its own, and not all of it can be mounted. */
  readonly ownDevices: boolean;
}

/** A program to run in the container. */
export interface ProgramSpec {
  /** Searched for in the container, by PATH of `env`. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly confinement: Confinement;
  /** Present: the program gets a terminal. */
  readonly terminal?: TerminalTools;
  readonly openStdin: boolean;
}

/** What is taken from a program before it is executed; the shim itself keeps all of it. */
export interface Confinement {
  /** Capabilities that it and all below it may ever have; absent: those of the shim. */
  readonly capabilities?: readonly string[];
  readonly noNewPrivileges: boolean;
  /** -1: unlimited. */
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  /** Absolute paths. */
  readonly tools: { readonly setpriv: string; readonly prlimit: string; readonly env: string };
}

/** Absolute paths. */
export interface TerminalTools {
  readonly script: string;
  readonly stty: string;
  readonly chown: string;
}

/** Once a program runs, or could not be run: one line of JSON on the shim's stdout, or a control frame to who asked. */
export type Reply =
  /** `pid` as seen in the container; 0 where there is no program. */
  | { readonly started: { readonly pid: number } }
  /** `exitCode` is 126 or 127, as a shell's. */
  | { readonly failed: { readonly exitCode: number; readonly message: string } };

/**
 * Control frames to the shim. It may be of an older build than the daemon that finds it after an upgrade:
 * members are only ever added, here and in `Notice`.
 */
export interface Request {
  /** From now on this connection gets the output, and what it sends as stdin is the program's. */
  readonly attach?: boolean;
  /** From now on this connection is this further program's: a `Reply`, its streams, and its `exit` in the end. */
  readonly exec?: ProgramSpec;
  readonly signal?: number;
  readonly resize?: { readonly columns: number; readonly rows: number };
  /** To be answered by `done` with the same number, once it is done. */
  readonly ack?: number;
}

/** Control frames from the shim: `pid` at once, `exit` as the last frame. */
export interface Notice {
  readonly pid?: number;
  readonly done?: number;
  /** What is about to become a further program, as seen in the container: by `started` it may have ended. */
  readonly spawned?: number;
  readonly exit?: ExitRecord;
}

export interface ExitRecord {
  readonly exitCode: number;
  /** RFC 3339 */
  readonly finishedAt: string;
  /** Why the shim itself has failed, and the program with it. */
  readonly error?: string;
}

/** The files in a container's directory that both sides know. */
export const shimFiles = {
  socket: 'shim.sock',
  exit: 'exit.json',
  /** What a bug of the shim's left behind. */
  errors: 'errors.log',
  log: 'container.log',
  olderLog: 'container.log.1',
} as const;
