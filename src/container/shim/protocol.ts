/**
 * What daemon and shim say to each other. The shim may be of an older build than the daemon that finds
 * it after an upgrade: members are only ever added.
 */

/** One line of JSON on the shim's stdin. */
export interface Job {
  /** The container's: its log, socket and exit record are there. */
  readonly directory: string;
  /** Absolute path of the program; `command[0]` is what it sees as its own name. */
  readonly program: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Present: the program gets a terminal, made with these tools (absolute paths). */
  readonly terminal?: TerminalTools;
  readonly openStdin: boolean;
  /** Output waits in the pipe until so many clients are attached, so that none misses the beginning. */
  readonly holdFor: number;
}

export interface TerminalTools {
  readonly script: string;
  readonly stty: string;
}

/** One line of JSON on the shim's stdout, once the program is running or could not be run. */
export type Reply =
  /** `pid` as seen in the container. */
  | { readonly started: { readonly pid: number } }
  /** `exitCode` is 126 or 127, as a shell's. */
  | { readonly failed: { readonly exitCode: number; readonly message: string } };

/** Control frames to the shim. */
export interface Request {
  /** From now on this connection gets the output, and what it sends as stdin is the program's. */
  readonly attach?: boolean;
  readonly signal?: number;
  readonly resize?: { readonly columns: number; readonly rows: number };
}

/** Control frames from the shim: `pid` at once, `exit` as the last frame. */
export interface Notice {
  readonly pid?: number;
  readonly exit?: ExitRecord;
}

export interface ExitRecord {
  readonly exitCode: number;
  /** RFC 3339 */
  readonly finishedAt: string;
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
