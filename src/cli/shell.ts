import type { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';

/** What a command sees of the process it runs in; tests make their own. */
export interface Shell {
  /** How the program calls itself in usage and errors: `fairlead`, `docker`. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number | undefined;
  /** Made on first use: even touching Node's stdio costs start-up time. */
  readonly stdin: NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY' | 'setRawMode'>>;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

export function processShell(program: string): Shell {
  return {
    program,
    env: process.env,
    uid: process.getuid?.(),
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return process.stdout;
    },
    get stderr() {
      return process.stderr;
    },
  };
}

/** Runs `main` as the process: its result is the exit code, and a closed stdout (`| head`) is no crash. */
export async function runAsProcess(main: () => Promise<number>): Promise<void> {
  process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
  // Exits although sockets or stdin may be open; Node writes to pipes, files and terminals synchronously on POSIX.
  process.exit(await main());
}
