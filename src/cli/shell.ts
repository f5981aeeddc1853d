import type { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { visibleLines } from '../lib/plain-text.ts';

/** What a command sees of the process it runs in; tests make their own. */
export interface Shell {
  /** How the program calls itself in usage and errors: `fairlead`, `docker`. */
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number | undefined;
  /** Made on first use: even touching Node's stdio costs start-up time. */
  readonly stdin: NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY' | 'setRawMode'>>;
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
}

/** The process' own streams. */
interface ProcessShell extends Shell {
  /** Resolves when all that was written has left: a pipe whose reader is slow takes 64 kB, and Node keeps the rest. */
  flushed(): Promise<void>;
}

function processShell(program: string): ProcessShell {
  const used = new Set<Writable>();
  const use = <T extends Writable>(stream: T): T => {
    if (!used.has(stream)) printTexts(stream);
    used.add(stream);
    return stream;
  };
  return {
    program,
    env: process.env,
    uid: process.getuid?.(),
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      return use(process.stdout);
    },
    get stderr() {
      return use(process.stderr);
    },
    async flushed() {
      await Promise.all([...used].map(flushed));
    },
  };
}

/**
 * The one way for text from outside (names, commands, labels, what a daemon says) to a terminal: its control characters
 * are shown instead of obeyed. Bytes are a container's own output, or were made so already, and go as they are.
 */
function printTexts(stream: Writable): void {
  const write = stream.write.bind(stream);
  stream.write = (chunk: unknown, ...rest: readonly unknown[]): boolean =>
    Reflect.apply(write, stream, [typeof chunk === 'string' ? visibleLines(chunk) : chunk, ...rest]);
}

async function flushed(stream: Writable): Promise<void> {
  if (stream.writableLength > 0) await new Promise<unknown>((resolve) => stream.write('', resolve));
}

/** Runs `main` as the process: its result is the exit code, and a closed stdout (`| head`) is no crash. */
export async function runAsProcess(program: string, main: (shell: Shell) => Promise<number>): Promise<void> {
  process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
  const shell = processShell(program);
  const exitCode = await main(shell);
  await shell.flushed();
  // Sockets or stdin may be open still.
  process.exit(exitCode);
}
