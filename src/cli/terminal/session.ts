import type { Duplex } from 'node:stream';
import { DetachScanner, parseDetachKeys } from '../../api/http/streams/detach-keys.ts';
import { copyOutput } from '../client/streams.ts';
import type { Shell } from '../shell.ts';

export interface SessionOptions {
  /** The other side has a terminal: bytes go both ways as they are. */
  readonly tty: boolean;
  /** Sends our stdin. */
  readonly interactive: boolean;
  /** Sends the size of our terminal. */
  readonly resize: (rows: number, columns: number) => Promise<void>;
}

/**
 * Joins our stdio with an attached container or exec until its output ends.
 * @returns `detached` when ctrl-p ctrl-q was typed
 */
export async function runSession(
  stream: Duplex,
  options: SessionOptions,
  shell: Shell,
): Promise<'ended' | 'detached'> {
  const { tty, interactive } = options;
  const restore = tty && interactive ? enterRawMode(shell) : () => {};
  const stopResizing = tty ? followSize(shell, options.resize) : () => {};
  const detached = interactive ? sendInput(stream, tty, shell) : new Promise<never>(() => {});
  try {
    const ended = copyOutput(stream, tty, shell.stdout, shell.stderr).then(
      () => 'ended' as const,
      ignoreReset,
    );
    return await Promise.race([ended, detached]);
  } finally {
    stopResizing();
    restore();
    stream.destroy();
  }
}

/** The daemon closes the connection when the container is gone; that is an end, not a failure. */
function ignoreReset(error: unknown): 'ended' {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE') return 'ended';
  throw error;
}

function enterRawMode({ stdin }: Shell): () => void {
  if (!stdin.isTTY || !stdin.setRawMode) return () => {};
  stdin.setRawMode(true);
  return () => {
    stdin.setRawMode?.(false);
  };
}

function followSize({ stdout }: Shell, resize: SessionOptions['resize']): () => void {
  const send = () => {
    // A container that just ended cannot be resized; nothing depends on it.
    if (stdout.rows && stdout.columns) resize(stdout.rows, stdout.columns).catch(() => {});
  };
  send();
  process.on('SIGWINCH', send);
  return () => process.off('SIGWINCH', send);
}

/** Copies stdin; its end closes our half, so that the other side sees an end of file. */
function sendInput(stream: Duplex, tty: boolean, { stdin }: Shell): Promise<'detached'> {
  return new Promise((resolve) => {
    const leave = () => resolve('detached');
    const input = tty ? stdin.pipe(new DetachScanner(parseDetachKeys(''), leave)) : stdin;
    input.on('data', (chunk: Buffer | string) => stream.write(chunk));
    input.on('end', () => stream.end());
  });
}
